// Loaded into each process of the test runner. One that does not end is ended after its time with SIGTERM, and would not
// say what kept it: this writes it into the file of YIZHAN_TEST_HANGS, since nobody reads its output any more.
import { appendFileSync } from 'node:fs'
import { relative } from 'node:path'

// Node 20 can also stand still while it tears itself down (nodejs/node#54918), where no handler runs any more: which files
// have come that far stands beside the report.
const { YIZHAN_TEST_HANGS: report } = process.env
const [, file = ''] = process.argv
const test = relative(process.cwd(), file)
process.once('exit', () => {
  if (report) appendFileSync(`${report}.ended`, `${test}\n`)
})
process.once('SIGTERM', () => {
  const handles = process._getActiveHandles().map(told).join(', ')
  const resources = process.getActiveResourcesInfo().join(', ')
  if (report) appendFileSync(report, `${test} did not end, for ${resources}; of these: ${handles}\n`)
  process.kill(process.pid, 'SIGTERM')
})

function told(handle) {
  const name = handle.constructor?.name ?? 'handle'
  const { pid, spawnargs, localPort, remotePort } = handle
  if (spawnargs) return `${name} ${pid} (${spawnargs.slice(1, 4).join(' ')})`
  return localPort === undefined ? name : `${name} ${localPort} to ${remotePort}`
}
