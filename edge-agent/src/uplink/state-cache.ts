import { createPublicKey } from 'node:crypto'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type EdgeId,
  type Logger,
  parseJson,
  type SealedFiles,
  storageError,
  systemCode,
  toYizhanError,
  YizhanError,
} from '@yizhan/kernel'
import { create, SignedDesiredStateSchema } from '@yizhan/proto'
import { type OpenedState, openSignedState } from './signed-state.js'

const FORMAT = 1
const APPLIED = 'applied-state.json'
const PREVIOUS = 'previous-state.json'
/** The one becomes the other, and keeps its name. */
export const STATE_FILES = { paths: [APPLIED, PREVIOUS], name: 'desired state' }

interface StateFile {
  readonly format: typeof FORMAT
  readonly keyId: string
  /** The key that the state was verified with when it was applied; the center may have rotated it since. */
  readonly key: string
  readonly payload: string
  readonly signature: string
}

/** The applied desired state and the one before it, as they were signed, sealed. */
export class StateCache {
  readonly #log: Logger
  readonly #files: SealedFiles
  readonly #dir: string

  constructor(log: Logger, files: SealedFiles, dir: string) {
    this.#log = log
    this.#files = files
    this.#dir = dir
  }

  /** What may be applied without the center, best first; damaged files are logged and left out. */
  async read(edgeId: EdgeId): Promise<OpenedState[]> {
    const found: OpenedState[] = []
    for (const name of STATE_FILES.paths) {
      try {
        const bytes = await this.#files.read(join(this.#dir, name), STATE_FILES.name)
        if (bytes) found.push(decode(bytes, edgeId))
      } catch (thrown) {
        this.#log.error({ err: toYizhanError(thrown), name }, 'a cached desired state cannot be used')
      }
    }
    return found
  }

  /** Makes `opened` the applied state; the one that it replaces becomes the previous. A crash leaves one of them. */
  async write(opened: OpenedState, replaces: boolean): Promise<void> {
    const { signed, key } = opened
    const file: StateFile = {
      format: FORMAT,
      keyId: signed.keyId,
      key: key.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
      payload: Buffer.from(signed.payload).toString('base64'),
      signature: Buffer.from(signed.signature).toString('base64'),
    }
    const applied = join(this.#dir, APPLIED)
    if (replaces) {
      await rename(applied, join(this.#dir, PREVIOUS)).catch((thrown) => {
        if (systemCode(thrown) !== 'ENOENT') throw storageError(thrown, 'rename', applied)
      })
    }
    await this.#files.write(applied, STATE_FILES.name, Buffer.from(`${JSON.stringify(file)}\n`))
  }
}

function decode(bytes: Buffer, edgeId: EdgeId): OpenedState {
  const file = parseJson(bytes.toString())
  if (!isStateFile(file)) throw new YizhanError('data_corrupt', `it is not of format ${FORMAT}`)
  const publicKey = createPublicKey({ key: Buffer.from(file.key, 'base64'), format: 'der', type: 'spki' })
  const signed = create(SignedDesiredStateSchema, {
    payload: Buffer.from(file.payload, 'base64'),
    signature: Buffer.from(file.signature, 'base64'),
    keyId: file.keyId,
  })
  return openSignedState(signed, [{ keyId: file.keyId, publicKey }], edgeId)
}

function isStateFile(value: unknown): value is StateFile {
  if (typeof value !== 'object' || value === null) return false
  const file = value as Partial<Record<keyof StateFile, unknown>>
  const texts = [file.keyId, file.key, file.payload, file.signature]
  return file.format === FORMAT && texts.every((text) => typeof text === 'string')
}
