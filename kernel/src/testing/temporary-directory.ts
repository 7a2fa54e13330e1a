import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** For tests: a new directory that is gone after the test. */
export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'yizhan-test-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** For tests: makes a new directory the system's temporary one until the test is over. */
export function ownTemporaryRoot(t: TestContext, env: Record<string, string | undefined>): void {
  const before = env.TMPDIR
  const directory = temporaryDirectory(t)
  env.TMPDIR = directory
  t.after(() => {
    // Assigning undefined to an environment variable would make it the text "undefined".
    if (before === undefined) delete env.TMPDIR
    else env.TMPDIR = before
  })
}
