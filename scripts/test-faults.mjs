// `npm run test:faults -- [--only 9,13] [--json FILE] [--full] [--list]`
import { join } from 'node:path'
import { root, run, setUp } from './setup.mjs'

await setUp()
process.exitCode = await run(
  process.execPath,
  [join(root, 'test', 'dist', 'faults', 'runner', 'main.js'), ...process.argv.slice(2)],
  { stdio: 'inherit' },
)
