import type { Clock } from '@yizhan/kernel'
import type { PrivacySource } from './port.js'

/**
 * Answers that the book of requests keeps in memory until an edge has read them. They name a request and no person, so
 * that nobody can pick a person's: they are gone `keepMs` after their end, and an edge that erases ends its own.
 */
export function resumeBuffersSource(deps: { readonly clock: Clock; readonly keepMs: number }): PrivacySource {
  return {
    dataClass: 'resume-buffers',
    async *collect() {},
    async erase() {
      const until = deps.clock.wall() + deps.keepMs
      return { erased: 0, pending: { why: 'in memory only, gone by themselves', until } }
    },
  }
}
