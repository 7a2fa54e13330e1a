// `npm run chat`: the terminal client, after whatever a fresh clone lacks.
import { join } from 'node:path'
import { root, run, setUp } from './setup.mjs'

await setUp()
process.exitCode = await run(
  process.execPath,
  [join(root, 'edge-agent', 'bin', 'yizhan-edge.js'), 'chat', ...process.argv.slice(2)],
  { stdio: 'inherit', cwd: process.cwd() },
)
