// `npm run demo:wan-cut [-- --lang zh|en --json --record FILE]`: a link cut inside an answer, and what came of it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { root, setUp } from './setup.mjs'

await setUp()
const child = spawn(
  process.execPath,
  [join(root, 'test', 'dist', 'demo', 'main.js'), ...process.argv.slice(2)],
  {
    stdio: 'inherit',
    cwd: process.env.INIT_CWD ?? process.cwd(),
  },
)
// A terminal's Ctrl-C reaches the demo by itself; it ends what it has started.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => child.kill('SIGTERM'))
const [code, signal] = await once(child, 'close')
process.exitCode = signal === null ? code : 128
