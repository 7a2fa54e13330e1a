import { readFileIfExists, writeFileAtomic } from '../atomic-file.js'
import { toYizhanError } from '../errors.js'
import { sha256Hex } from '../json.js'
import type { Logger } from '../log.js'

/** A copy of the last config text that a process accepted, beside its state. */
export interface LastKnownGood {
  /** Resolves when the text is on disk; a failure is logged, since the running process does not need the copy. */
  save(text: string): Promise<void>
  /** The text, or undefined if there is none or it is damaged (which is logged). */
  load(): Promise<string | undefined>
}

const HEAD = '# last known good, sha256 '

/** Keeps the copy at `path` (mode 0600: it may hold secrets); it stays valid YAML. */
export function lastKnownGood(deps: { path: string; log: Logger }): LastKnownGood {
  const { path, log } = deps
  return {
    async save(text) {
      try {
        await writeFileAtomic(path, `${HEAD}${sha256Hex(text)}\n${text}`)
      } catch (thrown) {
        log.error({ err: toYizhanError(thrown) }, 'the accepted configuration could not be kept')
      }
    },
    async load() {
      try {
        const whole = (await readFileIfExists(path))?.toString('utf8')
        if (whole === undefined) return undefined
        const end = whole.indexOf('\n')
        const text = whole.slice(end + 1)
        if (whole.slice(0, end) === `${HEAD}${sha256Hex(text)}`) return text
        log.error({ path }, 'the kept configuration is damaged')
      } catch (thrown) {
        log.error({ err: toYizhanError(thrown) }, 'the kept configuration cannot be read')
      }
      return undefined
    },
  }
}
