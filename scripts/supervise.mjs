// Children of `npm start`: started, watched, restarted, stopped.
import { spawn } from 'node:child_process'
import { createWriteStream, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'

const RESTART_MS = 3_000
const STOP_MS = 15_000

/**
 * A process that prints one line `{"ready":true,…}`. One that ends by itself after it was ready is started again after
 * 3 s; one that never gets ready fails `ready()` with the last words of its log.
 */
export function superviseProcess({ name, log, say, command }) {
  mkdirSync(dirname(log), { recursive: true, mode: 0o700 })
  let child
  let timer
  let wanted = true
  let everReady = false
  let toldOfLog = false

  function start() {
    const { args, env } = command()
    const out = createWriteStream(log, { flags: 'a', mode: 0o600 })
    // A full disk under the log must not end what it is the log of.
    out.on('error', (error) => {
      if (!toldOfLog) say(`the log ${log} cannot be written (${error.code}); going on without it`)
      toldOfLog = true
    })
    let words = ''
    // Own process group: Ctrl-C reaches this script alone, which stops its children in order. The pipe on stdin is
    // how a child learns that this script is gone.
    const spawned = spawn(process.execPath, args, { env, stdio: ['pipe', 'pipe', 'pipe'], detached: true })
    child = spawned
    spawned.stderr.on('data', (data) => {
      out.write(data)
      words = (words + data).slice(-4_000)
    })
    spawned.stdin.on('error', () => {})
    return new Promise((resolve, reject) => {
      createInterface({ input: spawned.stdout }).on('line', (line) => {
        let value
        try {
          value = JSON.parse(line)
        } catch {
          return
        }
        if (value.ready !== true) return
        everReady = true
        resolve(value)
      })
      spawned.once('error', reject)
      // 'close', not 'exit': by then all that it said has come.
      spawned.once('close', (code, signal) => {
        out.end()
        if (child === spawned) child = undefined
        reject(new Error(`${name} ended before it was ready (${signal ?? `exit ${code}`}):\n${plain(words)}`))
        if (wanted && everReady) {
          say(`${name} ended (${signal ?? `exit ${code}`}); starting it again in ${RESTART_MS / 1000} s`)
          timer = setTimeout(again, RESTART_MS)
        }
      })
    })
  }

  async function again() {
    try {
      await start()
      say(`${name} is back`)
    } catch (thrown) {
      say(thrown.message)
    }
  }

  function end() {
    clearTimeout(timer)
    const ending = child
    if (!ending || ending.exitCode !== null) return Promise.resolve()
    return new Promise((resolve) => {
      const kill = setTimeout(() => ending.kill('SIGKILL'), STOP_MS)
      ending.once('exit', () => {
        clearTimeout(kill)
        resolve()
      })
      ending.kill('SIGTERM')
    })
  }

  const first = start()
  return {
    ready: () => first,
    pid: () => child?.pid,
    stop() {
      wanted = false
      return end()
    },
    /** Stops it for good, or starts it again. */
    async toggle() {
      if (child || timer?.hasRef?.()) {
        wanted = false
        await end()
        timer = undefined
        say(`${name} is stopped; k starts it again`)
      } else {
        wanted = true
        await again()
      }
    },
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
