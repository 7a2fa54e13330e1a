import type { TestContext } from 'node:test'
import {
  postgresBin,
  removeServer,
  startServer,
  type TestServer,
} from '@yizhan/center/storage/postgres/testing'
import { silentLogger } from '@yizhan/kernel'

/**
 * A PostgreSQL server with our roles, until the test ends; `server.database()` makes a migrated database, and
 * `server.config(database)` is `storage.postgres` for it. Without PostgreSQL the test is skipped and says so, or fails under
 * YIZHAN_TEST_REQUIRE=all. Use: `const server = await postgres(t); if (!server) return`.
 */
export async function postgres(t: TestContext): Promise<TestServer | undefined> {
  if (postgresBin() === undefined) {
    if (process.env.YIZHAN_TEST_REQUIRE === 'all') throw new Error('PostgreSQL is required and not here')
    t.skip('SKIPPED: PostgreSQL is not here')
    return undefined
  }
  const server = await startServer(silentLogger())
  t.after(() => removeServer(server))
  return server
}
