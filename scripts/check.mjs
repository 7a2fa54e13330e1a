// `npm run check [-- --no-tests]`: the one gate. Format and lint, types, the wire against its baseline, unit tests.
// `--no-tests`: for whoever runs `npm test` right after, which has them too.
import { join } from 'node:path'
import { root, run, setUp } from './setup.mjs'

await setUp()
const bin = (name) => join(root, 'node_modules', '.bin', name)
const proto = { cwd: join(root, 'proto') }
const steps = [
  ['format and lint', bin('biome'), ['check', '--error-on-warnings', '.']],
  ['wire: lint', bin('buf'), ['lint'], proto],
  ['wire: no breaking change', bin('buf'), ['breaking', '--against', 'wire.binpb'], proto],
  ['wire: generated code is current', process.execPath, [join(root, 'scripts', 'generated-is-current.mjs')]],
  ['unit tests', process.execPath, [join(root, 'scripts', 'test.mjs'), '--unit']],
]
const wanted = process.argv.includes('--no-tests') ? steps.slice(0, -1) : steps
for (const [name, command, args, options] of wanted) {
  process.stdout.write(`\n== ${name}\n`)
  const code = await run(command, args, { stdio: 'inherit', ...options })
  if (code === 0) continue
  process.stderr.write(`check failed at: ${name}\n`)
  process.exit(code)
}
process.stdout.write('\ncheck: all green\n')
