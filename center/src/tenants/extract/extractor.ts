import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { ExtractFailure, ExtractJob, ExtractOutcome } from './port.js'

export interface ExtractLimits {
  /** For one file, from the start of the process on. */
  readonly timeoutMs: number
  /** Resident memory of the process; not watched where there is no /proc. */
  readonly maxRssBytes: number
}

export const EXTRACT_LIMITS: ExtractLimits = { timeoutMs: 20_000, maxRssBytes: 768 * 1024 * 1024 }

const HEAP_MB = 384
const WATCH_MS = 50
const PAGE_BYTES = 4096

/**
 * Reads files in a child process, since a library may hang on hostile bytes or eat all memory; a process that did is
 * killed, and the next file gets a new one. `close` ends it.
 */
export class Extractor {
  readonly #limits: ExtractLimits
  #child: ChildProcess | undefined

  constructor(limits: ExtractLimits = EXTRACT_LIMITS) {
    this.#limits = limits
  }

  /** Rejects with the signal's reason; the process is ended then. */
  async extract(job: ExtractJob, signal?: AbortSignal): Promise<ExtractOutcome> {
    signal?.throwIfAborted()
    const child = this.#child?.connected ? this.#child : spawn()
    this.#child = child
    const onAbort = () => child.kill('SIGKILL')
    signal?.addEventListener('abort', onAbort, { once: true })
    const outcome = await this.#ask(child, job).finally(() => signal?.removeEventListener('abort', onAbort))
    if (child.killed || child.exitCode !== null || child.signalCode !== null) this.#child = undefined
    signal?.throwIfAborted()
    return outcome
  }

  close(): void {
    this.#child?.kill('SIGKILL')
    this.#child = undefined
  }

  #ask(child: ChildProcess, job: ExtractJob): Promise<ExtractOutcome> {
    return new Promise((resolve) => {
      let killedFor: ExtractFailure | undefined
      const kill = (failure: ExtractFailure) => {
        killedFor ??= failure
        child.kill('SIGKILL')
      }
      const timer = setTimeout(() => kill('too-slow'), this.#limits.timeoutMs)
      const watch = setInterval(() => {
        if (residentBytes(child.pid) > this.#limits.maxRssBytes) kill('too-much-memory')
      }, WATCH_MS)
      const end = (outcome: ExtractOutcome) => {
        clearTimeout(timer)
        clearInterval(watch)
        child.removeAllListeners()
        // A process that was killed may still report an error, which nobody waits for any more.
        child.on('error', () => {})
        resolve(outcome)
      }
      child.once('message', (outcome: ExtractOutcome) => end(outcome))
      child.once('error', () => end({ failure: 'broken' }))
      // V8 ends the process itself when its heap is full.
      child.once('exit', () => end({ failure: killedFor ?? 'too-much-memory' }))
      child.send(job)
    })
  }
}

function spawn(): ChildProcess {
  return fork(new URL('./extract-process.js', import.meta.url), {
    execArgv: [`--max-old-space-size=${HEAP_MB}`],
    env: {},
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
}

/** 0 where it cannot be told. */
function residentBytes(pid: number | undefined): number {
  try {
    const [, pages] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')
    return Number(pages) * PAGE_BYTES
  } catch {
    return 0
  }
}
