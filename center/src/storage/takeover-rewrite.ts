import { asTenantId, openOne, plainSealer, type Sealer, YizhanError } from '@yizhan/kernel'
import { AUDIT_COLLECTION, auditItems, encodeAudit } from './audit-codec.js'
import type { Scope } from './engine.js'
import { readAuditOne, readRecordOne, readShardOne } from './format-one.js'
import { recordWrites } from './level-commit.js'
import type { LevelDatabase, LevelWrite } from './level-database.js'
import {
  auditKey,
  auditRange,
  headKey,
  type KeyRange,
  metaKey,
  placeOfRecord,
  recordsRange,
  sequenceOfAuditKey,
  tenantText,
} from './level-key.js'
import { PLACE_COLLECTION } from './place-map.js'
import { encodeRecord, type RecordHeader, sealContext } from './record-codec.js'
import { addDigest, digestOf, EMPTY_HEAD, type HeadState, sealHead } from './scope-head.js'
import { sequenceText } from './sequence.js'

const PAGE = { limit: 1_000, maxBytes: 1024 * 1024 }
const LAST = Buffer.from([0xff])
const SHARD_MAP = 'shard-map'
const CURSOR_SECRET = metaKey('cursor-secret')

/** Reads a database of format 1 whole and writes it into an empty one: same records and versions, same audit entries. */
export async function rewriteFormatOne(
  { sealer }: { readonly sealer: Sealer },
  from: LevelDatabase,
  to: LevelDatabase,
): Promise<{ readonly records: number; readonly auditEntries: number }> {
  const secret = await from.get(CURSOR_SECRET)
  if (secret) await to.write([{ key: CURSOR_SECRET, value: secret }])
  let records = 0
  let auditEntries = 0
  for await (const scope of scopes(from)) {
    let head = scope === null ? EMPTY_HEAD : await rewriteAudit(sealer, from, to, scope)
    head = await rewriteRecords(sealer, from, to, scope, head)
    records += head.records
    auditEntries += head.auditSequence
    if (head === EMPTY_HEAD) continue
    const state = { ...head, commits: 1 }
    await to.write([{ key: headKey(scope), value: await sealHead(sealer, scope, state) }])
  }
  return { records, auditEntries }
}

async function* scopes(from: LevelDatabase): AsyncGenerator<Scope> {
  let start: Buffer = Buffer.alloc(1)
  yield null
  for (;;) {
    const [key] = await from.keys({ gte: Buffer.concat([start, LAST]), lt: LAST }, 1)
    if (!key) return
    const text = tenantText(key)
    const tenant = asTenantId(text)
    if (!tenant) throw new YizhanError('data_corrupt', 'a key belongs to no tenant')
    yield tenant
    start = Buffer.from(`${text}\0`)
  }
}

async function rewriteAudit(
  sealer: Sealer,
  from: LevelDatabase,
  to: LevelDatabase,
  tenant: Exclude<Scope, null>,
): Promise<HeadState> {
  let head = EMPTY_HEAD
  for await (const page of pages(from, auditRange(tenant))) {
    const writes: LevelWrite[] = []
    for (const [levelKey, bytes] of page) {
      const sequence = sequenceOfAuditKey(tenant, levelKey)
      if (sequence !== head.auditSequence + 1) {
        throw new YizhanError('data_corrupt', `audit entries of ${tenant} are missing`, {
          details: { tenant, firstMissing: head.auditSequence + 1 },
        })
      }
      const { version, sealed } = readRecordOne(bytes)
      const place = { tenant, collection: AUDIT_COLLECTION, key: sequenceText(sequence), version }
      const entry = readAuditOne(await plainOf(sealed, place))
      const parts = await sealer.sealAll(auditItems(tenant, sequence, entry))
      const stored = encodeAudit(head.auditHash, entry, parts)
      writes.push({ key: auditKey(tenant, sequence), value: stored.bytes })
      head = { ...head, auditSequence: sequence, auditHash: stored.hash }
    }
    await to.write(writes)
  }
  return head
}

async function rewriteRecords(
  sealer: Sealer,
  from: LevelDatabase,
  to: LevelDatabase,
  scope: Scope,
  start: HeadState,
): Promise<HeadState> {
  let head = start
  for await (const page of pages(from, recordsRange(scope))) {
    const opened = await Promise.all(
      page.map(async ([levelKey, bytes]) => {
        const { collection, key } = placeOfRecord(scope, levelKey)
        const { version, subject, sealed } = readRecordOne(bytes)
        const header: RecordHeader = subject === undefined ? { version } : { version, subject }
        const plain = await plainOf(sealed, sealContext(scope, collection, key, header))
        return inFormatTwo(scope, { collection, key, header, plain })
      }),
    )
    const sealed = await sealer.sealAll(
      opened.map(({ plain, collection, key, header }) => ({
        plain,
        context: sealContext(scope, collection, key, header),
      })),
    )
    const writes = opened.flatMap(({ collection, key, header }, i) => {
      const bytes = encodeRecord(header, sealed[i] ?? new Uint8Array())
      head = {
        ...head,
        records: head.records + 1,
        bytes: head.bytes + bytes.length,
        digest: addDigest(head.digest, digestOf(bytes)),
      }
      return recordWrites(scope, { collection, key, after: { header, bytes } })
    })
    await to.write(writes)
  }
  return head
}

interface PlainRecord {
  readonly collection: string
  readonly key: string
  readonly header: RecordHeader
  readonly plain: Uint8Array
}

/** The shard map has become the map of places; everything else is as it was. */
function inFormatTwo(scope: Scope, record: PlainRecord): PlainRecord {
  if (scope !== null || record.collection !== SHARD_MAP) return record
  const home = { place: `shard-${readShardOne(record.plain)}` }
  return { ...record, collection: PLACE_COLLECTION, plain: Buffer.from(JSON.stringify(home)) }
}

/** Format 1 knew plain sealing only. */
async function plainOf(sealed: Uint8Array, context: Parameters<typeof openOne>[2]): Promise<Uint8Array> {
  const plain = await openOne(plainSealer, sealed, context)
  if (!plain) throw new YizhanError('data_corrupt', 'a value of format 1 cannot be opened')
  return plain
}

async function* pages(database: LevelDatabase, range: KeyRange): AsyncGenerator<[Buffer, Uint8Array][]> {
  let after: Buffer | undefined
  for (;;) {
    const page = await database.page(range, after ? { ...PAGE, after } : PAGE)
    const last = page.at(-1)
    if (!last) return
    yield page
    after = last[0]
  }
}
