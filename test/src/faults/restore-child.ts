// A process that restores one backup, to be killed while it does: `restore-child.js ROOT BACKUP [SETTINGS]`, the settings
// those of a PostgreSQL database that takes everything.
import { join } from 'node:path'
import { restoreCenter } from '@yizhan/center/restore'
import { fileKek, silentLogger } from '@yizhan/kernel'
import { never } from './small-center.js'
import { say, toldToBegin } from './told-to-begin.js'

const [root = '', backup = '', settings] = process.argv.slice(2)
await toldToBegin()
const kek = await fileKek(join(root, 'center.kek'), { mayCreate: false })
say({ begun: true })
const begun = performance.now()
const report = await restoreCenter(
  { kek, log: silentLogger() },
  {
    at: join(root, 'backup'),
    backup,
    stateDir: join(root, 'restored'),
    keys: join(root, 'keys-copy'),
    erasureLog: join(root, 'center.erasures'),
    ...(settings === undefined ? { shards: 2 } : { shards: 0, postgres: JSON.parse(settings) }),
  },
  never,
)
say({ restored: report.rows, tookMs: performance.now() - begun })
// Its life is ended from outside.
setInterval(() => undefined, 60_000)
