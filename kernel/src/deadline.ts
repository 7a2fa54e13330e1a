/**
 * A signal that aborts after so many milliseconds with a `TimeoutError`. In place of `AbortSignal.timeout`, which on Node 20
 * never fires inside `AbortSignal.any` once garbage was collected. Keeps no process alive.
 */
export function deadlineSignal(ms: number): AbortSignal {
  const controller = new AbortController()
  const timeout = setTimeout(() => {
    controller.abort(new DOMException(`${ms} ms have passed`, 'TimeoutError'))
  }, ms)
  timeout.unref()
  return controller.signal
}
