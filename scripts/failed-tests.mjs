// A reporter of node:test for the end of a run of many suites: one line for each test that failed, with its file and
// its error, and nothing for those that passed. The whole output is thousands of lines, of which the end is read.
import { relative } from 'node:path'

const firstLine = (text) => String(text).split('\n', 1)[0]

export default async function* failedTests(source) {
  for await (const { type, data } of source) {
    // A test that holds others fails with them: its own line would say nothing.
    const { error } = data.details ?? {}
    if (type !== 'test:fail' || data.todo !== undefined || error?.failureType === 'subtestsFailed') continue
    const place = data.file === undefined ? '' : `${relative(process.cwd(), data.file)}: `
    yield `${place}${data.name}: ${firstLine(error?.cause?.message ?? error?.message ?? 'no error told')}\n`
  }
}
