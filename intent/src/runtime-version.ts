import { createRequire } from 'node:module'

/** The version of the ONNX runtime, without loading it. */
export function runtimeVersion(): string {
  const manifest: { readonly version: string } = createRequire(import.meta.url)(
    'onnxruntime-node/package.json',
  )
  return manifest.version
}
