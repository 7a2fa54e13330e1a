export { endlessOnnx, hugeOnnx, slowOnnx, thievishOnnx, wrongOnnx } from './hostile-onnx.js'
export { SMALL_TENANT, smallModel } from './small-tenant.js'
