import { credentials } from '@grpc/grpc-js'
import { createOutbound } from '@yizhan/kernel'
import { RpcClient } from '@yizhan/proto'
import { engineLoad, MAX_METRICS_BYTES } from '../engine-load.js'
import type { BackendKind } from '../kind.js'
import { ModelServer } from '../openai/server.js'
import { TritonSettings } from './settings.js'
import { TritonBackend } from './triton.js'

const METRICS_MS = 5_000

/** A Triton server, by the KServe protocol over gRPC with Triton's streams. */
export const tritonKind: BackendKind<TritonSettings> = {
  settings: TritonSettings,
  async open({ clock, personaOf }, name, settings) {
    const rpc = new RpcClient(
      settings.address,
      settings.tls ? credentials.createSsl() : credentials.createInsecure(),
    )
    const http = createOutbound()
    const { metricsUrl } = settings
    const load =
      metricsUrl === undefined
        ? undefined
        : async (signal: AbortSignal) => {
            const limits = { ms: METRICS_MS, maxBytes: MAX_METRICS_BYTES, accepted: [] }
            const server = new ModelServer({ http, clock }, { url: metricsUrl })
            return engineLoad((await server.get(metricsUrl, limits, signal)).text)
          }
    const deps = { rpc, clock, ...(personaOf ? { personaOf } : {}), ...(load ? { load } : {}) }
    return {
      backend: new TritonBackend(deps, name, settings),
      async close() {
        rpc.close()
        await http.destroy()
      },
    }
  },
}
