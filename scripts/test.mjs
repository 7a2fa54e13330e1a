// `npm test [-- PATTERN…]`: set-up, then every unit and end-to-end test. Two processes at a time: the suites start
// real servers, and a small machine has two cores. What failed in any of them is said once more at the end.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
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

function told(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

/** Of the files that were ended after their time, those that were through with everything. */
function stoodStill(failures, ended) {
  const timedOut = failures.split('\n').filter((line) => line.includes('test timed out after'))
  const through = ended.split('\n').filter((file) => timedOut.some((line) => line.startsWith(`${file}: `)))
  return through
    .filter((file) => file !== '')
    .map((file) => `${file} was through: Node itself did not come to its end\n`)
    .join('')
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
const reports = mkdtempSync(join(tmpdir(), 'yizhan-tests-'))
const saidAgain = []
let failed = 0
for (const { name, files, concurrency } of suites) {
  if (files.length === 0) continue
  process.stdout.write(`\n== ${name}: ${files.length} files\n`)
  const report = join(reports, name)
  const hangs = join(reports, `${name} that hang`)
  const code = await run(
    process.execPath,
    [
      '--test',
      `--import=${pathToFileURL(join(root, 'scripts', 'test-that-hangs.mjs'))}`,
      // A compiler's thread that waits for the main one, which waits for it to end: nodejs/node#54918.
      '--no-concurrent-recompilation',
      `--test-concurrency=${concurrency}`,
      '--test-timeout=180000',
      `--test-reporter=${process.stdout.isTTY ? 'spec' : 'tap'}`,
      '--test-reporter-destination=stdout',
      `--test-reporter=${join(root, 'scripts', 'failed-tests.mjs')}`,
      `--test-reporter-destination=${report}`,
      ...flags.filter((f) => f !== '--unit'),
      ...files,
    ],
    { stdio: 'inherit', env: { ...process.env, YIZHAN_TEST_HANGS: hangs } },
  )
  if (code !== 0) failed = code
  const failures = told(report) + told(hangs) + stoodStill(told(report), told(`${hangs}.ended`))
  if (code !== 0)
    saidAgain.push(`\n== failed (${name}, exit code ${code})\n${failures || 'no test told of it\n'}`)
}
rmSync(reports, { recursive: true, force: true })
process.stdout.write(saidAgain.join(''))
if (wanted.length > 0 && suites.every(({ files }) => files.length === 0)) {
  process.stderr.write(`no test file matches ${wanted.join(' ')}\n`)
  failed = 2
}
process.exitCode = failed
