import { createOutbound } from '@yizhan/kernel'
import type { BackendKind } from '../kind.js'
import { createOpenAiEmbedder } from './embedder.js'
import { createOpenAi } from './openai.js'
import { OpenAiSettings } from './settings.js'

export { createOpenAi, type OpenAiConfig } from './openai.js'
export { OpenAiSettings } from './settings.js'

/** Any server that speaks OpenAI's HTTP API. It has connections of its own, so that one server's do not wait for another's. */
export const openAiKind: BackendKind<OpenAiSettings> = {
  settings: OpenAiSettings,
  async open(parts, name, settings) {
    const { connections, connectMs, embedding, ...rest } = settings
    const http = createOutbound({ maxConnections: connections, connectTimeoutMs: connectMs })
    const deps = { ...parts, http }
    return {
      backend: createOpenAi(deps, { ...rest, name }),
      ...(embedding ? { embedder: createOpenAiEmbedder(deps, { ...settings, ...embedding, name }) } : {}),
      close: () => http.destroy(),
    }
  },
}
