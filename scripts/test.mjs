// `npm test [-- PATTERN…]`: set-up, then every unit and end-to-end test. Two processes at a time: the suites start
// real servers, and a small machine has two cores.
import { existsSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { root, run, setUp } from './setup.mjs'

const UNIT = ['proto', 'kernel', 'intent', 'edge-agent', 'center']

function testFiles(dir) {
  if (!existsSync(dir)) return []
  return readdirSync(dir, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.test.js'))
    .sort()
    .map((file) => join(dir, file))
}

await setUp()
const wanted = process.argv.slice(2).filter((arg) => !arg.startsWith('-'))
const flags = process.argv.slice(2).filter((arg) => arg.startsWith('-'))
const pick = (files) =>
  wanted.length === 0 ? files : files.filter((file) => wanted.some((w) => relative(root, file).includes(w)))
const unitOnly = flags.includes('--unit')
const suites = [
  { name: 'unit', files: pick(UNIT.flatMap((dir) => testFiles(join(root, dir, 'dist')))), concurrency: 2 },
  { name: 'end to end', files: unitOnly ? [] : pick(testFiles(join(root, 'test', 'dist'))), concurrency: 2 },
]
let failed = 0
for (const { name, files, concurrency } of suites) {
  if (files.length === 0) continue
  process.stdout.write(`\n== ${name}: ${files.length} files\n`)
  const code = await run(
    process.execPath,
    [
      '--test',
      `--test-concurrency=${concurrency}`,
      '--test-timeout=180000',
      ...flags.filter((f) => f !== '--unit'),
      ...files,
    ],
    { stdio: 'inherit' },
  )
  if (code !== 0) failed = code
}
if (wanted.length > 0 && suites.every(({ files }) => files.length === 0)) {
  process.stderr.write(`no test file matches ${wanted.join(' ')}\n`)
  failed = 2
}
process.exitCode = failed
