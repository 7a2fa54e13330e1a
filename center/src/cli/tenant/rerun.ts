import type { Clock } from '@yizhan/kernel'

type State =
  | { readonly s: 'idle' }
  | { readonly s: 'waiting'; readonly cancel: () => void }
  | { readonly s: 'running'; readonly done: Promise<void>; again: boolean }
  | { readonly s: 'stopped' }

/** Runs something when changes have come to rest; one at a time. */
export interface Rerun {
  /** Something has changed. During a run, however often: one more afterwards. */
  changed(): void
  /** Nothing starts any more; resolves when what runs has ended. */
  stop(): Promise<void>
}

/** `run` never rejects; `quietMs` is how long nothing may change before it starts: editors save in several steps. */
export function createRerun(
  run: () => Promise<void>,
  { clock, quietMs }: { readonly clock: Clock; readonly quietMs: number },
): Rerun {
  let state: State = { s: 'idle' }
  const wait = () => {
    state = { s: 'waiting', cancel: clock.after(quietMs, start) }
  }
  const start = () => {
    const running: State = { s: 'running', done: run().then(ended), again: false }
    state = running
  }
  const ended = () => {
    if (state.s !== 'running') return
    if (state.again) wait()
    else state = { s: 'idle' }
  }
  return {
    changed() {
      switch (state.s) {
        case 'idle':
          return wait()
        case 'waiting':
          state.cancel()
          return wait()
        case 'running':
          state.again = true
          return
        case 'stopped':
          return
        default:
          state satisfies never
      }
    },
    async stop() {
      const before = state
      state = { s: 'stopped' }
      if (before.s === 'waiting') before.cancel()
      if (before.s === 'running') await before.done
    },
  }
}
