import { createPublicKey, sign, verify } from 'node:crypto'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import {
  asTenantId,
  canonicalJson,
  type Logger,
  parseJson,
  readFileIfExists,
  sha256Hex,
  storageError,
  syncDirectory,
  YizhanError,
} from '@yizhan/kernel'
import type { Signer } from '../fleet/index.js'
import type { ErasureLog, ErasureLogEntry } from './port.js'

const LineSchema = Type.Object({
  format: Type.Literal(1),
  sequence: Type.Integer({ minimum: 1 }),
  tenant: Type.String(),
  subject: Type.String(),
  erasureId: Type.String(),
  at: Type.Number(),
  /** Hex SHA-256 of the line before, '' for the first: a line that is taken out or put elsewhere shows. */
  previous: Type.String(),
  keyId: Type.String(),
  /** Ed25519 over `yizhan-erasure-log-v1`, a newline and the canonical JSON of the other fields; base64. */
  signature: Type.String(),
})
type Line = Static<typeof LineSchema>

const CONTEXT = 'yizhan-erasure-log-v1\n'

/** What a reading of a log found; `problem` names the first line that does not hold, and entries end before it. */
export interface ErasureLogReading {
  readonly entries: readonly ErasureLogEntry[]
  readonly problem?: { readonly line: number; readonly what: 'malformed' | 'chain' | 'signature' | 'key' }
  /** The last line was cut short: it was never acknowledged. */
  readonly torn: boolean
}

/** A log without its process, for a restore. A file that is not there has no entries. */
export async function readErasureLog(path: string, keys: Signer['publicKeys']): Promise<ErasureLogReading> {
  return readLines(await readFileIfExists(path), keys).reading
}

export interface ErasureLogFiles extends ErasureLog {
  read(): Promise<readonly ErasureLogEntry[]>
  close(): Promise<void>
}

/**
 * The log as a file of signed and chained JSON lines on each of `paths`: better on another disk than the data. A path
 * that is behind, such as a new one, is brought up to date. `data_corrupt` if a log does not verify or two differ.
 */
export async function openErasureLog(
  deps: { readonly signer: Signer; readonly log: Logger },
  config: { readonly paths: readonly string[] },
): Promise<ErasureLogFiles> {
  if (config.paths.length === 0)
    throw new YizhanError('config_invalid', 'the erasure log needs one path at least')
  const found = await Promise.all(config.paths.map((path) => checked(path, deps)))
  const longest = found.reduce((best, one) => (one.lines.length > best.lines.length ? one : best))
  const handles: FileHandle[] = []
  try {
    for (const { path, lines, bytes } of found) {
      if (lines.some((line, i) => line !== longest.lines[i])) throw damaged(path, 'differs from its copy')
      const handle = await openAppend(path, bytes)
      handles.push(handle)
      await append(handle, longest.lines.slice(lines.length), path)
    }
    await Promise.all(config.paths.map((path) => syncDirectory(dirname(path))))
  } catch (thrown) {
    for (const handle of handles) await handle.close()
    throw thrown
  }
  return new Files({ signer: deps.signer, paths: config.paths, handles, lines: longest.lines })
}

class Files implements ErasureLogFiles {
  readonly #signer: Signer
  readonly #paths: readonly string[]
  readonly #handles: readonly FileHandle[]
  readonly #known = new Set<string>()
  #last: { sequence: number; text: string } | undefined
  /** Of the lines that were acknowledged, the same in every file. */
  #bytes = 0
  #working: Promise<unknown> = Promise.resolve()
  #broken: unknown

  constructor(opened: {
    readonly signer: Signer
    readonly paths: readonly string[]
    readonly handles: readonly FileHandle[]
    readonly lines: readonly string[]
  }) {
    this.#signer = opened.signer
    this.#paths = opened.paths
    this.#handles = opened.handles
    for (const text of opened.lines) this.#note(text, parseLine(text) as Line)
  }

  append(entry: ErasureLogEntry): Promise<void> {
    const mine = this.#working.then(() => this.#append(entry))
    this.#working = mine.catch(() => undefined)
    return mine
  }

  async read(): Promise<readonly ErasureLogEntry[]> {
    await this.#working
    return (await readErasureLog(this.#paths[0] ?? '', this.#signer.publicKeys)).entries
  }

  async close(): Promise<void> {
    await this.#working
    for (const handle of this.#handles) await handle.close()
  }

  async #append({ tenant, subject, erasureId, at }: ErasureLogEntry): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken
    if (this.#known.has(id({ erasureId, subject }))) return
    const { keyId, privateKey } = this.#signer.current
    const body = {
      format: 1 as const,
      sequence: (this.#last?.sequence ?? 0) + 1,
      tenant,
      subject,
      erasureId,
      at,
      previous: this.#last ? sha256Hex(this.#last.text) : '',
      keyId,
    }
    const signature = sign(null, Buffer.from(CONTEXT + canonicalJson(body)), privateKey).toString('base64')
    const line: Line = { ...body, signature }
    const text = canonicalJson(line)
    try {
      for (const [i, handle] of this.#handles.entries()) await append(handle, [text], this.#paths[i] ?? '')
    } catch (thrown) {
      await this.#takeBack()
      throw thrown
    }
    this.#note(text, line)
  }

  /** Takes a half-written line off. If even that fails, nothing is appended until the next open has mended the file. */
  async #takeBack(): Promise<void> {
    for (const [i, handle] of this.#handles.entries()) {
      await handle.truncate(this.#bytes).catch((thrown: unknown) => {
        this.#broken = storageError(thrown, 'mend', this.#paths[i] ?? '')
      })
    }
  }

  #note(text: string, line: Line): void {
    this.#known.add(id(line))
    this.#last = { sequence: line.sequence, text }
    this.#bytes += Buffer.byteLength(text) + 1
  }
}

function id({ erasureId, subject }: { erasureId: string; subject: string }): string {
  return `${erasureId} ${subject}`
}

async function checked(path: string, { signer, log }: { signer: Signer; log: Logger }) {
  const { reading, lines, bytes } = readLines(await readFileIfExists(path), signer.publicKeys)
  if (reading.problem) throw damaged(path, `is damaged at line ${reading.problem.line}`)
  if (reading.torn) log.warn({ path }, 'the last line of the erasure log was cut short and is taken off')
  return { path, lines, bytes }
}

/** `bytes`: of the whole lines. */
async function openAppend(path: string, bytes: number): Promise<FileHandle> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const handle = await open(path, 'a', 0o600)
    if ((await handle.stat()).size > bytes) await handle.truncate(bytes)
    return handle
  } catch (thrown) {
    throw storageError(thrown, 'open', path)
  }
}

async function append(handle: FileHandle, lines: readonly string[], path: string): Promise<void> {
  if (lines.length === 0) return
  try {
    await handle.appendFile(lines.map((line) => `${line}\n`).join(''))
    await handle.datasync()
  } catch (thrown) {
    throw storageError(thrown, 'append to', path)
  }
}

interface Lines {
  readonly reading: ErasureLogReading
  /** Those that end with a newline. */
  readonly lines: readonly string[]
  readonly bytes: number
}

function readLines(content: Buffer | undefined, keys: Signer['publicKeys']): Lines {
  const text = content?.toString('utf8') ?? ''
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  const lines = whole === '' ? [] : whole.slice(0, -1).split('\n')
  const entries: ErasureLogEntry[] = []
  const publicKeys = new Map(
    keys.map(({ keyId, spkiDer }) => [
      keyId,
      createPublicKey({ key: Buffer.from(spkiDer), format: 'der', type: 'spki' }),
    ]),
  )
  const torn = whole.length < text.length
  const bytes = Buffer.byteLength(whole)
  for (const [i, lineText] of lines.entries()) {
    const line = parseLine(lineText)
    const tenant = line && asTenantId(line.tenant)
    const before = lines[i - 1]
    const problem = (what: NonNullable<ErasureLogReading['problem']>['what']): Lines => {
      return { reading: { entries, torn, problem: { line: i + 1, what } }, lines, bytes }
    }
    if (!line || !tenant) return problem('malformed')
    const previous = before === undefined ? '' : sha256Hex(before)
    if (line.sequence !== i + 1 || line.previous !== previous) return problem('chain')
    const { signature, ...body } = line
    const key = publicKeys.get(line.keyId)
    if (!key) return problem('key')
    const signed = Buffer.from(CONTEXT + canonicalJson(body))
    if (!verify(null, signed, key, Buffer.from(signature, 'base64'))) return problem('signature')
    entries.push({ tenant, subject: line.subject, erasureId: line.erasureId, at: line.at })
  }
  return { reading: { entries, torn }, lines, bytes }
}

function parseLine(text: string): Line | undefined {
  try {
    const value = parseJson(text)
    return Value.Check(LineSchema, value) && canonicalJson(value) === text ? value : undefined
  } catch {
    return undefined
  }
}

function damaged(path: string, what: string): YizhanError {
  return new YizhanError('data_corrupt', `the erasure log ${path} ${what}`, {
    details: { path },
    hint: 'keep the file, and restore it from its other copy',
  })
}
