import { arch, cpus } from 'node:os'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { runtimeVersion } from '@yizhan/intent'
import { type Logger, parseJson, readFileIfExists, toYizhanError, writeFileAtomic } from '@yizhan/kernel'

const TriedFile = Type.Object(
  {
    format: Type.Literal(1),
    /** What they were tried on: the runtime, this trial, the processor. */
    machine: Type.String(),
    digests: Type.Array(Type.String({ pattern: '^[0-9a-f]{64}$' })),
  },
  { additionalProperties: false },
)
type TriedFile = Static<typeof TriedFile>

/** Of `tryModel`: a stricter one tries all models anew. */
const TRIAL = 1

/** More bundles than an edge keeps; the oldest goes. */
const MAX_DIGESTS = 256

/**
 * Digests of the bundles whose models have passed their trial on this machine, so that a start does not try them again.
 * Another runtime, trial or processor forgets them all, and so does a file that cannot be read: then they are tried anew.
 */
export class TriedModels {
  readonly #path: string
  readonly #machine: string
  readonly #log: Logger
  #digests: readonly string[]
  #writing = Promise.resolve()

  private constructor(path: string, machine: string, log: Logger, digests: readonly string[]) {
    this.#path = path
    this.#machine = machine
    this.#log = log
    this.#digests = digests
  }

  static async open(
    { log }: { readonly log: Logger },
    { path, machine = thisMachine() }: { readonly path: string; readonly machine?: string },
  ): Promise<TriedModels> {
    const digests = await readDigests(path, machine, log)
    return new TriedModels(path, machine, log, digests)
  }

  has(digest: string): boolean {
    return this.#digests.includes(digest)
  }

  /** Remembers a bundle; a disk that does not take it costs another trial at the next start. */
  add(digest: string): Promise<void> {
    this.#digests = [...this.#digests.filter((one) => one !== digest), digest].slice(-MAX_DIGESTS)
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  async #write(): Promise<void> {
    const file: TriedFile = { format: 1, machine: this.#machine, digests: [...this.#digests] }
    try {
      await writeFileAtomic(this.#path, Buffer.from(JSON.stringify(file)))
    } catch (thrown) {
      this.#log.warn({ err: toYizhanError(thrown) }, 'which models have been tried could not be kept')
    }
  }
}

async function readDigests(path: string, machine: string, log: Logger): Promise<readonly string[]> {
  try {
    const bytes = await readFileIfExists(path)
    if (!bytes) return []
    const value = parseJson(Buffer.from(bytes).toString('utf8'))
    return Value.Check(TriedFile, value) && value.machine === machine ? value.digests : []
  } catch (thrown) {
    log.warn(
      { err: toYizhanError(thrown) },
      'which models have been tried cannot be read: they are tried anew',
    )
    return []
  }
}

function thisMachine(): string {
  return JSON.stringify([runtimeVersion(), TRIAL, arch(), cpus()[0]?.model ?? ''])
}
