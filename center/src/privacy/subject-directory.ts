import { type Clock, newId, RecentMap, sha256Hex, type TenantId, YizhanError } from '@yizhan/kernel'
import type { AuditEntry, Change, Store, StoredRecord } from '../storage/index.js'
import { accountKey } from './blind-index.js'
import type { Account, By, SubjectKeys } from './port.js'
import {
  ACCOUNTS,
  SUBJECTS,
  type Subject,
  type SubjectRecord,
  subjectFromStored,
  subjectToStored,
} from './subject-record.js'

/** What a channel tells of a sender. */
export interface Seen {
  readonly name?: string
  readonly department?: string
}

/** What a person asked to have put right; null takes it away. */
export interface Correction {
  readonly name?: string | null
  readonly department?: string | null
}

const MAX_ACCOUNTS = 32
// Each id is a term of the erasure's record, which has room for 16.
const MAX_ALSO = 12
const MAX_TEXT = 256
const MAX_SENDER_BYTES = 512
const MAX_ATTEMPTS = 4
const DAY_MS = 86_400_000
/** Persons of whom it is known that there is nothing to bring up to date. */
const MAX_FRESH = 10_000
/** Accounts of which it is known whose they are. */
const MAX_KNOWN = 10_000

/**
 * Persons of a tenant by random ids `sub_…`; one directory for a store, since it remembers whose an account is. That is found
 * by a blind index, so that no key, term or log names anybody; everything else lies under the person's own key.
 */
export class SubjectDirectory {
  readonly #store: Store
  readonly #keys: Pick<SubjectKeys, 'lookupKey' | 'erasedAt'>
  readonly #clock: Clock
  /** What was told of a person last, as a digest, and until when the same needs no look at the record. */
  readonly #fresh = new RecentMap<{ readonly told: string; readonly until: number }>(MAX_FRESH)

  /** Whose account it is, by the blind index: only random ids. Of those who were erased since it does not count. */
  readonly #persons = new RecentMap<string>(MAX_KNOWN)
  /** How often accounts were given to another person: what was read before may be old. */
  #links = 0

  constructor(deps: {
    readonly store: Store
    readonly keys: Pick<SubjectKeys, 'lookupKey' | 'erasedAt'>
    readonly clock: Clock
  }) {
    this.#store = deps.store
    this.#keys = deps.keys
    this.#clock = deps.clock
  }

  /** The id of an account's person; undefined if nobody is known by it. */
  async find(tenant: TenantId, account: Account): Promise<string | undefined> {
    checkAccount(account)
    return (await this.#account(tenant, account))?.subject
  }

  /**
   * The same for a message that came in: made if nobody is known, brought up to date at most once a day or when the
   * name has changed. `unavailable` (retryable) while the person is being erased.
   */
  async resolve(tenant: TenantId, account: Account, seen: Seen, by: By): Promise<string> {
    checkAccount(account)
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const known = await this.#personOf(tenant, account)
      if (known !== undefined) {
        await this.#refresh(tenant, known, seen, by)
        return known
      }
      const made = await this.#create(tenant, account, seen, by)
      if (made !== undefined) return made
    }
    throw new YizhanError('unavailable', 'the person is being erased just now')
  }

  /** What is known of a person; an id that was merged into another shows that one. Undefined if unknown or erased. */
  async get(tenant: TenantId, id: string): Promise<Subject | undefined> {
    const subject = await this.#read(tenant, id)
    return subject?.mergedInto === undefined ? subject : await this.#read(tenant, subject.mergedInto)
  }

  /** The same for somebody who reads it: that it was read is in the audit first. */
  async show(tenant: TenantId, id: string, by: By): Promise<Subject | undefined> {
    const subject = await this.get(tenant, id)
    if (subject) await this.#store.batch(tenant, [], this.#entry('READ', subject.id, by, {}))
    return subject
  }

  /** Audited with before and after. `not_found`, `conflict`, `invalid_argument`. */
  async correct(tenant: TenantId, id: string, correction: Correction, by: By): Promise<Subject> {
    const before = await this.#known(tenant, id)
    const { name, department, ...rest } = before
    const names = {
      name: corrected('name', name, correction.name),
      department: corrected('department', department, correction.department),
    }
    const after = {
      ...trimmed(rest),
      ...(names.name === undefined ? {} : { name: names.name }),
      ...(names.department === undefined ? {} : { department: names.department }),
    }
    await this.#update(tenant, before, after, [], by)
    return await this.#known(tenant, before.id)
  }

  /**
   * Two ids turn out to be one person: `other`'s accounts lead to `id` from now on, and what `other` sealed is
   * exported and erased with `id`. `not_found`, `failed_precondition`, `conflict`.
   */
  async link(tenant: TenantId, id: string, otherId: string, by: By): Promise<Subject> {
    const keep = await this.#known(tenant, id)
    const other = await this.#known(tenant, otherId)
    if (keep.id === other.id) return keep
    const accounts = [...keep.accounts, ...other.accounts]
    const also = [...keep.also, other.id, ...other.also]
    if (accounts.length > MAX_ACCOUNTS || also.length > MAX_ALSO) {
      throw new YizhanError('failed_precondition', 'the person would have too many accounts', {
        details: { maxAccounts: MAX_ACCOUNTS, maxIds: MAX_ALSO + 1 },
      })
    }
    const lookupKey = await this.#keys.lookupKey(tenant)
    const changes: Change[] = other.accounts.map((account) => ({
      op: 'put',
      collection: ACCOUNTS,
      key: accountKey(lookupKey, account),
      value: new Uint8Array(),
      subject: keep.id,
    }))
    for (const mergedId of [other.id, ...other.also]) {
      const merged = await this.#read(tenant, mergedId)
      if (!merged) continue
      const pointer = { ...trimmed(merged), accounts: [], also: [], mergedInto: keep.id }
      changes.push(putSubject(merged, pointer))
    }
    const after = {
      ...trimmed(keep),
      accounts,
      also,
      firstSeen: Math.min(keep.firstSeen, other.firstSeen),
      lastSeen: Math.max(keep.lastSeen, other.lastSeen),
    }
    await this.#update(tenant, keep, after, changes, by)
    this.#links += 1
    this.#persons.clear()
    return await this.#known(tenant, keep.id)
  }

  async #known(tenant: TenantId, id: string): Promise<Subject> {
    const subject = await this.get(tenant, id)
    if (subject) return subject
    throw new YizhanError('not_found', 'no such person is known', { hint: 'privacy subjects find' })
  }

  async #read(tenant: TenantId, id: string): Promise<Subject | undefined> {
    const record = await this.#store.get(tenant, SUBJECTS, id)
    return record && subjectFromStored(record)
  }

  async #account(tenant: TenantId, account: Account): Promise<StoredRecord | undefined> {
    const key = accountKey(await this.#keys.lookupKey(tenant), account)
    return await this.#store.get(tenant, ACCOUNTS, key)
  }

  /** As `#account`, for every message that comes in: mostly of somebody whose account was looked up lately. */
  async #personOf(tenant: TenantId, account: Account): Promise<string | undefined> {
    const key = accountKey(await this.#keys.lookupKey(tenant), account)
    const name = `${tenant}/${key}`
    const held = this.#persons.get(name)
    if (held !== undefined && this.#keys.erasedAt(tenant, held) === undefined) return held
    const links = this.#links
    const subject = (await this.#store.get(tenant, ACCOUNTS, key))?.subject
    if (subject !== undefined && links === this.#links) this.#persons.set(name, subject)
    return subject
  }

  /** Undefined if somebody else was quicker, or the former person of this account is not wholly gone yet. */
  async #create(tenant: TenantId, account: Account, seen: Seen, by: By): Promise<string | undefined> {
    const now = this.#clock.wall()
    const id = newId('sub', now)
    const { channel, sender } = account
    const value = subjectToStored({
      accounts: [{ channel, sender }],
      ...cut(seen),
      firstSeen: now,
      lastSeen: now,
      also: [],
    })
    const key = accountKey(await this.#keys.lookupKey(tenant), account)
    const own = { subject: id, expectedVersion: 0 }
    const changes: Change[] = [
      { op: 'put', collection: ACCOUNTS, key, value: new Uint8Array(), ...own },
      { op: 'put', collection: SUBJECTS, key: id, value, ...own },
    ]
    try {
      await this.#store.batch(tenant, changes, this.#entry('CREATE', id, by, { after: value }))
      return id
    } catch (thrown) {
      if (isConflict(thrown)) return undefined
      throw thrown
    }
  }

  async #refresh(tenant: TenantId, id: string, seen: Seen, by: By): Promise<void> {
    const now = this.#clock.wall()
    const told = cut(seen)
    const key = `${tenant}/${id}`
    const fresh = { told: sha256Hex(JSON.stringify([told.name, told.department])), until: now + DAY_MS }
    const known = this.#fresh.get(key)
    if (known?.told === fresh.told && now < known.until) return
    const before = await this.#read(tenant, id)
    if (!before) return
    const same = (['name', 'department'] as const).every(
      (field) => told[field] === undefined || told[field] === before[field],
    )
    if (same && now - before.lastSeen < DAY_MS) {
      this.#fresh.set(key, { ...fresh, until: before.lastSeen + DAY_MS })
      return
    }
    const after = { ...trimmed(before), ...told, lastSeen: Math.max(before.lastSeen, now) }
    try {
      await this.#update(tenant, before, after, [], by)
      this.#fresh.set(key, fresh)
    } catch (thrown) {
      // Somebody else brought it up to date, or the person is being erased: nothing is lost by it.
      if (!isConflict(thrown) && !(thrown instanceof YizhanError && thrown.code === 'erased')) throw thrown
    }
  }

  async #update(
    tenant: TenantId,
    before: Subject,
    after: SubjectRecord,
    more: readonly Change[],
    by: By,
  ): Promise<void> {
    const snapshots = { before: subjectToStored(trimmed(before)), after: subjectToStored(after) }
    this.#fresh.delete(`${tenant}/${before.id}`)
    await this.#store.batch(
      tenant,
      [putSubject(before, after), ...more],
      this.#entry('UPDATE', before.id, by, snapshots),
    )
  }

  #entry(
    action: AuditEntry['action'],
    id: string,
    { actor, requestId }: By,
    snapshots: Pick<AuditEntry, 'before' | 'after'>,
  ): AuditEntry {
    return {
      time: this.#clock.wall(),
      actor,
      action,
      object: `${SUBJECTS}/${id}`,
      subject: id,
      ...(requestId === undefined ? {} : { requestId }),
      ...snapshots,
    }
  }
}

function putSubject(before: Subject, after: SubjectRecord): Change {
  return {
    op: 'put',
    collection: SUBJECTS,
    key: before.id,
    value: subjectToStored(after),
    subject: before.id,
    expectedVersion: before.version,
  }
}

/** Without what the store adds. */
function trimmed({ id: _id, version: _version, ...record }: Subject): SubjectRecord {
  return record
}

function corrected(
  field: 'name' | 'department',
  old: string | undefined,
  wanted: string | null | undefined,
): string | undefined {
  const value = wanted === undefined ? old : (wanted ?? undefined)
  if (value !== undefined && (value.length === 0 || value.length > MAX_TEXT)) {
    throw new YizhanError('invalid_argument', `the ${field} is not 1–${MAX_TEXT} characters long`)
  }
  return value
}

/** Names come from platforms: what is too long is cut, not refused. */
function cut({ name, department }: Seen): Seen {
  return {
    ...(name ? { name: wellFormed(name.slice(0, MAX_TEXT)) } : {}),
    ...(department ? { department: wellFormed(department.slice(0, MAX_TEXT)) } : {}),
  }
}

function wellFormed(text: string): string {
  return Buffer.from(text).toString('utf8')
}

function checkAccount({ channel, sender }: Account): void {
  for (const part of [channel, sender]) {
    const bytes = Buffer.byteLength(part)
    if (bytes < 1 || bytes > MAX_SENDER_BYTES) {
      throw new YizhanError('invalid_argument', `channel and sender are 1–${MAX_SENDER_BYTES} bytes each`)
    }
  }
}

function isConflict(thrown: unknown): boolean {
  return thrown instanceof YizhanError && thrown.code === 'conflict'
}
