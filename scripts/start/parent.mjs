// A launcher whose npm was killed has nobody left to stop it.
const LOOK_MS = 500

/**
 * Calls `onGone` once when npm, which started this script, is gone. Under another parent nothing is watched: a shell
 * may leave a background job behind on purpose.
 */
export function watchParent(env, onGone) {
  if (env.npm_lifecycle_event === undefined) return
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    onGone()
  }, LOOK_MS)
  timer.unref()
}
