import type { Static, TSchema } from '@sinclair/typebox'
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler'
import { parseJson, YizhanError } from '@yizhan/kernel'
import { checkCollection } from './limits.js'
import type { IndexTerm } from './port.js'

/** What a collection holds, and how older values become today's. Values are JSON: a schema of JSON types only. */
export interface CollectionDef<S extends TSchema> {
  /** Of the collection in the store; 1–64 of `A-Z a-z 0-9 . _ -`. */
  readonly name: string
  /** Of the schema, from 1. */
  readonly version: number
  readonly schema: S
  /** The key that a value names itself; then it is put under no other. */
  readonly key?: (value: Static<S>) => string
  /** Words to find it by. They lie in clear: never personal data. */
  readonly terms?: (value: Static<S>) => readonly IndexTerm[]
  /** Random id of the person whose data it is. */
  readonly subject?: (value: Static<S>) => string | undefined
  /** Milliseconds since the Unix epoch; a migration keeps the one that a record has. */
  readonly expiresAt?: (value: Static<S>, now: number) => number | undefined
  /** Of the retention rules that it falls under. */
  readonly dataClass?: string
  /** `migrations[n]` makes a value of version n one of n + 1; one for each from 1 to `version` - 1. Pure: it may run often. */
  readonly migrations?: Readonly<Record<number, (old: unknown) => unknown>>
}

/** A value as it was read. */
export interface Decoded<T> {
  readonly value: T
  /** Of the schema that it was stored under. */
  readonly storedAs: number
}

/** A definition with its schema compiled: how values lie in the store (`{"v":version,"d":value}`). */
export class CollectionCodec<S extends TSchema> {
  readonly def: CollectionDef<S>
  readonly #check: TypeCheck<S>

  constructor(def: CollectionDef<S>) {
    this.def = def
    this.#check = TypeCompiler.Compile(def.schema)
  }

  /** Throws `invalid_argument` with the path of what does not fit, never what stands there. */
  encode(value: Static<S>): Uint8Array {
    const { name, version } = this.def
    if (!this.#check.Check(value)) throw this.#misfit('invalid_argument', value)
    const text = JSON.stringify({ v: version, d: value })
    // The one key that cannot be read back.
    if (text.includes('__proto__') && !isReadable(text)) {
      throw new YizhanError('invalid_argument', `a value of ${name} holds a forbidden key`)
    }
    return new Uint8Array(Buffer.from(text))
  }

  /** Migrated to today's version. Throws `data_corrupt`, `unsupported` for a value of a later version. */
  decode(bytes: Uint8Array): Decoded<Static<S>> {
    const { name, version } = this.def
    const { v, d } = this.#envelope(bytes)
    if (v > version) {
      throw new YizhanError('unsupported', `a value of ${name} was written by a later version`, {
        details: { collection: name, version: v, known: version },
        hint: 'run the version that wrote it, or a later one',
      })
    }
    let value = d
    for (let from = v; from < version; from++) value = this.#migrate(from, value)
    if (!this.#check.Check(value)) throw this.#misfit('data_corrupt', value)
    return { value, storedAs: v }
  }

  #migrate(from: number, old: unknown): unknown {
    try {
      return this.def.migrations?.[from]?.(old)
    } catch {
      // What was thrown may quote the value.
      throw new YizhanError('data_corrupt', `a value of ${this.def.name} cannot be migrated`, {
        details: { collection: this.def.name, version: from },
      })
    }
  }

  #envelope(bytes: Uint8Array): { readonly v: number; readonly d: unknown } {
    let stored: unknown
    try {
      stored = parseJson(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'))
    } catch {
      // Falls through.
    }
    if (typeof stored === 'object' && stored !== null && 'v' in stored && 'd' in stored) {
      const { v, d } = stored
      if (typeof v === 'number' && Number.isSafeInteger(v) && v >= 1) return { v, d }
    }
    throw new YizhanError('data_corrupt', `a value of ${this.def.name} cannot be read`, {
      details: { collection: this.def.name },
    })
  }

  #misfit(code: 'invalid_argument' | 'data_corrupt', value: unknown): YizhanError {
    const { name } = this.def
    const path = this.#check.Errors(value).First()?.path || '/'
    return new YizhanError(code, `a value of ${name} does not fit its schema at ${path}`, {
      details: { collection: name, path },
    })
  }
}

/** Checks a definition once, where it stands. Throws `invalid_argument`: a mistake of whoever wrote it. */
export function defineCollection<const S extends TSchema>(def: CollectionDef<S>): CollectionCodec<S> {
  const { name, version, migrations = {} } = def
  checkCollection(name)
  if (!Number.isSafeInteger(version) || version < 1) {
    throw new YizhanError('invalid_argument', `the version of ${name} is not a whole number from 1`)
  }
  for (let from = 1; from < version; from++) {
    if (typeof migrations[from] !== 'function') {
      throw new YizhanError('invalid_argument', `${name} has no migration from version ${from}`)
    }
  }
  if (Object.keys(migrations).length !== version - 1) {
    throw new YizhanError('invalid_argument', `${name} has migrations from versions that it never had`)
  }
  return new CollectionCodec(def)
}

function isReadable(text: string): boolean {
  try {
    parseJson(text)
    return true
  } catch {
    return false
  }
}
