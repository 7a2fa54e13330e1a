const DAY_MS = 86_400_000

/** Below this the audit is never cut, whatever a tenant says. */
export const AUDIT_FLOOR_MS: number = 180 * DAY_MS

/** A kind of personal data: where it lies, and how it is found, copied and erased. */
export interface DataClass {
  readonly id: string
  readonly title: { readonly en: string; readonly zh: string }
  readonly lies: 'store' | 'key store' | 'edge' | 'memory' | 'derived' | 'backup'
  /** Of the store; a record of a person in any other collection belongs to `other`. */
  readonly collections: readonly string[]
  /** In milliseconds; null: until it is erased. A tenant's own takes its place. */
  readonly retentionMs: number | null
  /** Its records are swept by their age; of the others only those that have a time of their own. */
  readonly aged?: true
  readonly found: string
  readonly exported: string
  readonly erased: string
}

const bySubject = 'by the person’s id in the record'
const asRecords = 'each record as a line of JSON'
const shredded = 'key destroyed, records deleted, disk compacted'

/** Every class that the product knows. Retention sections name these ids. */
export const DATA_CLASSES: readonly DataClass[] = [
  {
    id: 'subjects',
    title: { en: 'Accounts and names', zh: '账号与姓名' },
    lies: 'store',
    collections: ['subjects', 'subject-accounts'],
    retentionMs: null,
    found: 'by a blind index of channel and sender',
    exported: asRecords,
    erased: shredded,
  },
  {
    id: 'consents',
    title: { en: 'Notices and consents', zh: '告知与同意' },
    lies: 'store',
    collections: ['consents'],
    retentionMs: null,
    aged: true,
    found: bySubject,
    exported: asRecords,
    erased: shredded,
  },
  {
    id: 'turns',
    title: { en: 'Questions and answers', zh: '问答记录' },
    lies: 'store',
    collections: ['turns', 'turn-commands', 'turn-ledger', 'conversations'],
    retentionMs: 180 * DAY_MS,
    aged: true,
    found: bySubject,
    exported: asRecords,
    erased: shredded,
  },
  {
    id: 'samples',
    title: { en: 'Sentences kept for training', zh: '训练语料' },
    lies: 'store',
    collections: ['samples'],
    retentionMs: 90 * DAY_MS,
    aged: true,
    found: bySubject,
    exported: asRecords,
    erased: shredded,
  },
  {
    id: 'attachments',
    title: { en: 'Files', zh: '文件附件' },
    lies: 'store',
    collections: ['files', 'file-trees'],
    retentionMs: 180 * DAY_MS,
    aged: true,
    found: bySubject,
    exported: 'each file, and its description as a line of JSON',
    erased: 'key destroyed, records deleted, sealed pieces deleted',
  },
  {
    id: 'memory',
    title: { en: 'What a conversation remembers', zh: '会话记忆' },
    lies: 'store',
    collections: ['memory'],
    retentionMs: 30 * DAY_MS,
    found: bySubject,
    exported: asRecords,
    erased: shredded,
  },
  {
    id: 'cases',
    title: { en: 'Requests of persons', zh: '个人请求' },
    lies: 'store',
    collections: ['privacy-cases', 'erasures', 'legal-holds'],
    retentionMs: null,
    found: 'by the person’s random id, which they name',
    exported: 'not: they say who asked when, without a word of the person',
    erased: 'not: they prove what was done, by ids alone',
  },
  {
    id: 'other',
    title: { en: 'Anything else', zh: '其他' },
    lies: 'store',
    collections: [],
    retentionMs: null,
    found: bySubject,
    exported: asRecords,
    erased: shredded,
  },
  {
    id: 'audit',
    title: { en: 'Audit', zh: '审计记录' },
    lies: 'store',
    collections: [],
    retentionMs: 365 * DAY_MS,
    found: 'entries name the person’s id',
    exported: 'not: it is about who did what, and is read by `audit query`',
    erased: 'restricted: snapshots are emptied with the key, entries stay 180 days at least',
  },
  {
    id: 'keys',
    title: { en: 'The person’s key', zh: '个人密钥' },
    lies: 'key store',
    collections: [],
    retentionMs: null,
    found: 'by the person’s id',
    exported: 'not: it is no data of the person',
    erased: 'overwritten in place; the id stays, so that no new key is made for it',
  },
  {
    id: 'edges',
    title: { en: 'What edges hold', zh: '边缘节点上的数据' },
    lies: 'edge',
    collections: [],
    retentionMs: null,
    found: 'by salted digests of the accounts',
    exported: 'what was uploaded; what waits at an edge is not in the copy',
    erased: 'by a command to every edge of the tenant, or by its offline lease',
  },
  {
    id: 'resume-buffers',
    title: { en: 'Answers that are being read', zh: '回答缓冲' },
    lies: 'memory',
    collections: [],
    retentionMs: 600_000,
    found: 'not: they name no person, only a request of an edge',
    exported: 'not: gone within minutes',
    erased: 'by themselves, minutes after their end',
  },
  {
    id: 'search',
    title: { en: 'Search indexes', zh: '检索索引' },
    lies: 'derived',
    collections: [],
    retentionMs: null,
    found: 'not: they are built from the tenant’s documents alone',
    exported: 'not: they hold nothing of persons',
    erased: 'rebuilt when documents change',
  },
  {
    id: 'models',
    title: { en: 'Trained models', zh: '训练所得模型' },
    lies: 'derived',
    collections: [],
    retentionMs: null,
    found: 'not: a model cannot be asked for a person',
    exported: 'not: it holds weights only',
    erased: 'models learn from the tenant’s authored sentences; one that learnt from samples is trained anew',
  },
  {
    id: 'backups',
    title: { en: 'Backups', zh: '备份' },
    lies: 'backup',
    collections: [],
    retentionMs: null,
    found: 'not',
    exported: 'not: the same data as in the store',
    erased: 'unreadable without the key; a restore replays the erasure log',
  },
]

const byId = new Map(DATA_CLASSES.map((dataClass) => [dataClass.id, dataClass]))
const byCollection = new Map(
  DATA_CLASSES.flatMap((dataClass) => dataClass.collections.map((name) => [name, dataClass.id] as const)),
)

export function dataClassOf(id: string): DataClass | undefined {
  return byId.get(id)
}

/** The class of a person's record in this collection. */
export function classOfCollection(collection: string): string {
  return byCollection.get(collection) ?? 'other'
}
