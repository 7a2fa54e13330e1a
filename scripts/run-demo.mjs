// Runs a demo of test/dist in a process of its own, with the arguments of this one.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { root, setUp } from './setup.mjs'

/** `path` in test/dist; resolves with its end, and sets our exit code. */
export async function runDemo(...path) {
  await setUp()
  const child = spawn(process.execPath, [join(root, 'test', 'dist', ...path), ...process.argv.slice(2)], {
    stdio: 'inherit',
    cwd: process.env.INIT_CWD ?? process.cwd(),
  })
  // A terminal's Ctrl-C reaches the demo by itself; it ends what it has started.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  const [code, signal] = await once(child, 'close')
  process.exitCode = signal === null ? code : 128
}
