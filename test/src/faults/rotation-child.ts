// A process that rotates keys and seals anew until it is killed: `rotation-child.js DIR [SETTINGS]`, the settings those of PostgreSQL. JSON lines: first what it found, then
// each write and each rotation once it is through.
import { openPostgresEngine } from '@yizhan/center/storage/postgres'
import { acme, never, openSmallCenter } from './small-center.js'
import { say, toldToBegin } from './told-to-begin.js'

const [dir = '', settings] = process.argv.slice(2)
const PEOPLE = 4
const RECORDS = 24

await toldToBegin()
const { storage, keys } = await openSmallCenter(
  dir,
  settings === undefined
    ? {}
    : { storage: { shards: 0 }, openEngine: (given) => openPostgresEngine(given, JSON.parse(settings)) },
)
const { store, upkeep } = storage

/** The value of each record, and what does not fit: a record holds its own number as often as it was written. */
async function found(): Promise<{ readonly rounds: readonly number[]; readonly wrong: readonly string[] }> {
  const wrong: string[] = []
  const names = Array.from({ length: RECORDS }, (_, i) => `r${i}`)
  const records = await store.getMany(acme, 'records', names)
  const rounds = records.map((record, i) => {
    if (!record) return 0
    const { i: own, round } = JSON.parse(Buffer.from(record.value).toString())
    if (own !== i || round !== record.version)
      wrong.push(`r${i} holds ${own}/${round} at version ${record.version}`)
    return record.version
  })
  if (await store.head(acme)) {
    const { problems } = await upkeep.check(acme, never)
    wrong.push(...problems.map(({ what }) => what))
  }
  const { damaged } = keys.status()
  wrong.push(...damaged.map(({ slot, why }) => `slot ${slot}: ${why}`))
  return { rounds, wrong }
}

const first = await found()
say(first)
const rounds = [...first.rounds]
for (let n = 0; ; n++) {
  const i = n % RECORDS
  const round = (rounds[i] ?? 0) + 1
  await store.batch(
    acme,
    [
      {
        op: 'put',
        collection: 'records',
        key: `r${i}`,
        value: Buffer.from(JSON.stringify({ i, round })),
        expectedVersion: round - 1,
        subject: `sub_${i % PEOPLE}`,
      },
    ],
    {
      time: Date.now(),
      actor: 'bot_1',
      action: 'UPDATE',
      object: `records/r${i}`,
      subject: `sub_${i % PEOPLE}`,
    },
  )
  rounds[i] = round
  say({ i, round })
  if (n % 3 === 0) {
    await keys.rotateTenant(acme)
    await upkeep.reseal(acme, never)
    say({ rotated: 'tenant' })
  }
  if (n % 7 === 0) {
    await keys.rotateKek(never)
    say({ rotated: 'kek' })
  }
  if (n % 20 === 19) await upkeep.pruneAudit(acme, ((await store.head(acme))?.auditSequence ?? 1) - 1)
}
