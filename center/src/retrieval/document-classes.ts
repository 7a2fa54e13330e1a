import type { Reader } from '../inference/port.js'

/** Who may see the documents of a class. */
export interface ClassReaders {
  readonly everybody: boolean
  /** Whoever writes on one of these channels; only if also of one of these departments, where some are named. */
  readonly channels: readonly string[]
  readonly departments: readonly string[]
  /** Single persons, as `channel/sender`. */
  readonly people: readonly string[]
  /** Also in a group, where others read along. */
  readonly groups: boolean
}

/** By class. One that is not named is seen by nobody. */
export type DocumentClasses = Readonly<Record<string, ClassReaders>>

/** The classes that a reader may see; undefined = every one, where a tenant names none or nobody in particular reads. Pure. */
export function classesFor(
  classes: DocumentClasses | undefined,
  reader: Reader | undefined,
): readonly string[] | undefined {
  if (!classes || !reader) return undefined
  return Object.entries(classes).flatMap(([name, readers]) => (mayRead(readers, reader) ? [name] : []))
}

function mayRead(readers: ClassReaders, { channel, sender, department, inGroup }: Reader): boolean {
  if (readers.everybody) return true
  if (inGroup && !readers.groups) return false
  if (sender !== '' && readers.people.includes(`${channel}/${sender}`)) return true
  if (!readers.channels.includes(channel)) return false
  return readers.departments.length === 0 || readers.departments.includes(department.trim())
}
