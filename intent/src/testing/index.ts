export { seededRandom } from '../random.js'
export { endlessEncoder, endlessOnnx, hugeOnnx, slowOnnx, thievishOnnx, wrongOnnx } from './hostile-onnx.js'
export { smallEncoder, smallEncoderGraph, smallTokenizer } from './small-encoder.js'
export { SMALL_TENANT, smallModel } from './small-tenant.js'
