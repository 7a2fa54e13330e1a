// Loaded into each process of the test runner. One that does not end is ended after its time with SIGTERM, and would not
// say what kept it: this writes it into the file of YIZHAN_TEST_HANGS, since nobody reads its output any more.
import { appendFileSync } from 'node:fs'
import { relative } from 'node:path'

const { YIZHAN_TEST_HANGS: report } = process.env
process.once('SIGTERM', () => {
  const handles = process._getActiveHandles().map(told).join(', ')
  const resources = process.getActiveResourcesInfo().join(', ')
  const [, file = ''] = process.argv
  const test = relative(process.cwd(), file)
  if (report) appendFileSync(report, `${test} did not end, for ${resources}; of these: ${handles}\n`)
  process.kill(process.pid, 'SIGTERM')
})

function told(handle) {
  const name = handle.constructor?.name ?? 'handle'
  const { pid, spawnargs, localPort, remotePort } = handle
  if (spawnargs) return `${name} ${pid} (${spawnargs.slice(1, 4).join(' ')})`
  return localPort === undefined ? name : `${name} ${localPort} to ${remotePort}`
}
