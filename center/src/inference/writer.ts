import { type TenantId, YizhanError } from '@yizhan/kernel'
import type { Admission, Backend } from './port.js'
import { estimateTokens } from './token-estimate.js'

/** Does a task with a text, for the center itself. */
export interface Writer {
  readonly model: string
  /**
   * What the model writes, whole. Waits behind everybody who asks something; `task` takes the place of persona and
   * rules. Throws what the backend and the admission throw, `too_large` for an answer that has no end.
   */
  write(
    tenant: TenantId,
    asked: { readonly task: string; readonly text: string },
    signal: AbortSignal,
  ): Promise<string>
}

const MAX_CHARS = 64 * 1024

/** Undefined if no engine writes words of its own. */
export function createWriter(deps: {
  readonly backends: readonly Backend[]
  readonly admission: Admission
}): Writer | undefined {
  const { admission } = deps
  const first = deps.backends.find(({ quotes }) => !quotes)
  if (!first) return undefined
  return {
    model: first.model,
    async write(tenant, { task, text }, signal) {
      const estimatedTokens = estimateTokens(task) + estimateTokens(text)
      const fits = ({ quotes }: Backend) => !quotes
      const lease = await admission.enter({ tenant, priority: 'batch', estimatedTokens, fits }, signal)
      try {
        const request = { tenant, task, question: text, locale: '', history: [], passages: [] }
        let written = ''
        for await (const piece of lease.generate(request, signal, () => undefined)) {
          if (piece.type === 'superseded') written = ''
          if (piece.type === 'text') written += piece.text
          if (written.length > MAX_CHARS)
            throw new YizhanError('too_large', 'the model does not come to an end')
        }
        return written
      } finally {
        lease.release()
      }
    },
  }
}
