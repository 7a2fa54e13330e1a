import { type Logger, type TenantId, toYizhanError } from '@yizhan/kernel'
import type { FileStore, StoredFile } from '../files/index.js'
import {
  type AskedFile,
  type AskedFiles,
  type AskedIn,
  estimateTokens,
  type FileReader,
  firstTokens,
  type Image,
  type Passage,
} from '../inference/index.js'
import { SourceReader, sourceKind } from './read-source.js'

const MIB = 1024 * 1024
const MAX_IMAGE_BYTES = 4 * MIB
const MAX_TEXT_BYTES = 16 * MIB
/** Of one question. */
const MAX_IMAGES = 4
const MAX_FILES = 10
/** How they begin, in hex. */
const SIGNATURES: readonly (readonly [string, RegExp])[] = [
  ['image/png', /^89504e470d0a1a0a/],
  ['image/jpeg', /^ffd8ff/],
  ['image/gif', /^47494638(?:37|39)61/],
  ['image/webp', /^52494646.{8}57454250/],
]

/**
 * Reads the files of questions, as far as the center has their content: images for engines that see, the beginning of
 * texts, Word and PDF files for every engine. Only what is nobody's in particular or the asker's own.
 */
export class AskedFileReader implements FileReader {
  readonly #files: Pick<FileStore, 'withContent' | 'read'>
  readonly #subjects: {
    find(tenant: TenantId, account: { channel: string; sender: string }): Promise<string | undefined>
  }
  readonly #log: Logger
  readonly #maxTokens: number

  /** `maxTokens`: of all texts of one question together. */
  constructor(
    deps: {
      readonly files: Pick<FileStore, 'withContent' | 'read'>
      readonly subjects: {
        find(tenant: TenantId, account: { channel: string; sender: string }): Promise<string | undefined>
      }
      readonly log: Logger
    },
    { maxTokens }: { readonly maxTokens: number },
  ) {
    this.#files = deps.files
    this.#subjects = deps.subjects
    this.#log = deps.log
    this.#maxTokens = maxTokens
  }

  async read(where: AskedIn, asked: readonly AskedFile[], signal: AbortSignal): Promise<AskedFiles> {
    const found = { images: [] as Image[], texts: [] as Passage[], unread: [] as string[] }
    const texts = new SourceReader()
    let tokens = 0
    try {
      for (const [at, file] of asked.entries()) {
        const content = at < MAX_FILES ? await this.#contentOf(where, file, signal) : undefined
        const image = content && found.images.length < MAX_IMAGES ? imageOf(file.name, content) : undefined
        if (image) {
          found.images.push(image)
          continue
        }
        const text = content && (await textOf(texts, file.name, content, signal))
        const passage = text && passageOf(file.name, text, this.#maxTokens - tokens)
        if (passage) {
          tokens += estimateTokens(passage.text)
          found.texts.push(passage)
        } else found.unread.push(file.name)
      }
    } finally {
      texts.close()
    }
    return found
  }

  /** Undefined if the center has not got it, or has it of somebody else; never rejects but with the signal's reason. */
  async #contentOf(where: AskedIn, file: AskedFile, signal: AbortSignal): Promise<Uint8Array | undefined> {
    if (file.sha256 === '') return undefined
    try {
      const stored = await this.#stored(where, file.sha256)
      const isFitting = stored && stored.sizeBytes <= MAX_TEXT_BYTES
      if (!isFitting) return undefined
      const pieces: Uint8Array[] = []
      for await (const piece of this.#files.read(where.tenant, stored.id, undefined, signal))
        pieces.push(piece)
      return Buffer.concat(pieces)
    } catch (thrown) {
      signal.throwIfAborted()
      this.#log.warn(
        { tenant: where.tenant, err: toYizhanError(thrown) },
        'a file of a question was not read',
      )
      return undefined
    }
  }

  async #stored(where: AskedIn, sha256: string): Promise<StoredFile | undefined> {
    const { tenant, channel, sender } = where
    const same = await this.#files.withContent(tenant, sha256)
    const everybodys = same.find(({ subject }) => subject === undefined)
    if (everybodys || same.length === 0) return everybodys
    const asker = await this.#subjects.find(tenant, { channel, sender })
    return same.find(({ subject }) => subject === asker)
  }
}

/** What it says of itself counts, and no name. */
function imageOf(name: string, content: Uint8Array): Image | undefined {
  if (content.byteLength > MAX_IMAGE_BYTES) return undefined
  const start = Buffer.from(content.subarray(0, 16)).toString('hex')
  const [mediaType] = SIGNATURES.find(([, signature]) => signature.test(start)) ?? []
  return mediaType === undefined
    ? undefined
    : { name, mediaType, base64: Buffer.from(content).toString('base64') }
}

async function textOf(
  reader: SourceReader,
  name: string,
  content: Uint8Array,
  signal: AbortSignal,
): Promise<string | undefined> {
  const ending = sourceKind(name)
  if (ending === undefined) return undefined
  const read = await reader.read(name, ending, content, signal)
  return 'documents' in read ? read.documents.map(({ text }) => text).join('\n\n') : undefined
}

/** The beginning, as much as there is room for; undefined if that is nothing. */
function passageOf(name: string, text: string, tokens: number): Passage | undefined {
  const part = firstTokens(text, tokens)
  return part.trim() === '' ? undefined : { document: name, title: name, heading: '', text: part, score: 1 }
}
