// A program of `npm start`: started, watched, killed on request, started again, stopped.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const RESTART_MS = 3_000
const MAX_RESTART_MS = 60_000
const KILLED_MS = 5_000
const STOP_MS = 15_000

/**
 * A process that prints one line `{"ready":true,…}`. Its state is `starting`, `running`, `waiting` (to be started
 * again) or `ended`. One that ends by itself after it was ready is started again, 3 s later at first; one that never
 * gets ready fails `ready()` with the last words of its log.
 */
export function superviseProcess({ name, log, command, tell }) {
  let state = { s: 'ended' }
  let wanted = true
  let everReady = false
  let failures = 0

  function start() {
    const { args, env } = command()
    let words = ''
    // Own process group: Ctrl-C reaches the launcher alone, which stops its children in order. The pipe on stdin is
    // how a child learns that the launcher is gone.
    const child = spawn(process.execPath, args, { env, stdio: ['pipe', 'pipe', 'pipe'], detached: true })
    state = { s: 'starting', child }
    child.stderr.on('data', (data) => {
      log.write(data)
      words = (words + data).slice(-4_000)
    })
    child.stdin.on('error', () => {})
    return new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const value = readyLine(line)
        if (value === undefined || state.child !== child) return
        state = { s: 'running', child }
        everReady = true
        failures = 0
        resolve(value)
      })
      child.once('error', reject)
      // 'close', not 'exit': by then all that it said has come.
      child.once('close', (code, signal) => {
        const how = signal ?? `exit ${code}`
        reject(new Error(`${name} ended before it was ready (${how}):\n${plain(words)}`))
        if (state.child !== child) return
        const { killed } = state
        state = { s: 'ended' }
        if (wanted && everReady) startLater(how, killed === true)
      })
    })
  }

  function startLater(how, killed) {
    const inMs = killed ? KILLED_MS : Math.min(RESTART_MS * 2 ** failures++, MAX_RESTART_MS)
    state = { s: 'waiting', timer: setTimeout(again, inMs) }
    tell(killed ? { what: 'killed', inMs } : { what: 'ended', how, inMs })
  }

  async function again() {
    tell({ what: 'starting' })
    try {
      const ready = await start()
      tell({ what: 'back', ready })
    } catch (thrown) {
      if (wanted) tell({ what: 'failed', message: thrown.message })
    }
  }

  async function stop() {
    wanted = false
    if (state.s === 'waiting') clearTimeout(state.timer)
    const { child } = state
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    await new Promise((resolve) => {
      const kill = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      child.once('exit', () => {
        clearTimeout(kill)
        resolve()
      })
      child.kill('SIGTERM')
    })
  }

  const first = start()
  return {
    ready: () => first,
    pid: () => state.child?.pid,
    /** A killed one counts as waiting before it is gone. */
    state: () => (state.killed ? 'waiting' : state.s),
    stop,
    /** kill -9; it is started again 5 s later. Only what runs is killed. */
    kill() {
      if (state.s !== 'running' || state.killed) return
      state.killed = true
      state.child.kill('SIGKILL')
    },
    /** Starts at once what waits to be started again. */
    startNow() {
      if (state.s !== 'waiting' || !wanted) return
      clearTimeout(state.timer)
      void again()
    },
  }
}

function readyLine(line) {
  try {
    const value = JSON.parse(line)
    return value.ready === true ? value : undefined
  } catch {
    return undefined
  }
}

/** The human part of JSON log lines; other lines as they are. */
function plain(words) {
  return words
    .split('\n')
    .slice(-15)
    .map((line) => {
      try {
        const { msg, err } = JSON.parse(line)
        return `  ${msg}${err?.message ? `: ${err.message}` : ''}`
      } catch {
        return line === '' ? '' : `  ${line}`
      }
    })
    .join('\n')
}
