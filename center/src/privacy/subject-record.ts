import { type Static, Type } from '@sinclair/typebox'
import { fromStored, toStored } from '../fleet/index.js'
import type { StoredRecord } from '../storage/index.js'

/** A person's own records: `subjects/<id>`, and `subject-accounts/<blind index>` for each account. */
export const SUBJECTS = 'subjects'
export const ACCOUNTS = 'subject-accounts'

const AccountSchema = Type.Object({ channel: Type.String(), sender: Type.String() })

const SubjectSchema = Type.Object({
  accounts: Type.Array(AccountSchema),
  name: Type.Optional(Type.String()),
  department: Type.Optional(Type.String()),
  /** Milliseconds since the Unix epoch. */
  firstSeen: Type.Number(),
  lastSeen: Type.Number(),
  /** Ids that were found to be the same person: what they seal is this person's too. */
  also: Type.Array(Type.String()),
  mergedInto: Type.Optional(Type.String()),
})

/** What is known of a person, sealed under the person's own key. */
export type SubjectRecord = Static<typeof SubjectSchema>

export interface Subject extends SubjectRecord {
  readonly id: string
  readonly version: number
}

export const subjectToStored = (subject: SubjectRecord): Uint8Array => toStored(subject)

/** Throws `data_corrupt`. */
export function subjectFromStored(record: StoredRecord): Subject {
  const subject = fromStored(SubjectSchema, record.value, 'the record of a person')
  return { ...subject, id: record.key, version: record.version }
}

const SUBJECT_ID = /^sub_[0-9a-z]{26}$/

export function isSubjectId(text: string): boolean {
  return SUBJECT_ID.test(text)
}
