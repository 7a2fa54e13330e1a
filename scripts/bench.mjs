// `npm run bench -- NAME [--json FILE]`
import { join } from 'node:path'
import { root, run, setUp } from './setup.mjs'

await setUp()
process.exitCode = await run(
  process.execPath,
  [join(root, 'test', 'dist', 'bench', 'main.js'), ...process.argv.slice(2)],
  {
    stdio: 'inherit',
  },
)
