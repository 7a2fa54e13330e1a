import { randomBytes } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '../atomic-file.js'
import { YizhanError } from '../errors.js'
import { storageError, systemCode } from '../storage-error.js'
import { kekLine, parseKekLines } from './kek-lines.js'
import type { KekProvider, Wrapped } from './kek-provider.js'
import { unwrapSecret, type WrappingKey, wrapSecret } from './key-wrap.js'

const MAX_EPOCH = 999_999_999

/** Wraps by SM4-CTR and HMAC-SM3 with keys that this process holds. */
class LocalKek implements KekProvider {
  readonly id: string
  readonly #reload: (() => Promise<Map<number, WrappingKey>>) | undefined
  #keys: Map<number, WrappingKey>

  constructor(
    id: string,
    keys: Map<number, WrappingKey>,
    reload?: (known: number) => Promise<Map<number, WrappingKey>>,
  ) {
    this.id = id
    this.#keys = keys
    if (reload) {
      this.#reload = () => reload(this.epoch())
      this.renew = async () => {
        this.#keys = (await this.#reload?.()) ?? this.#keys
        return this.epoch()
      }
    }
  }

  renew?: () => Promise<number>

  epoch(): number {
    let newest = 0
    for (const epoch of this.#keys.keys()) newest = Math.max(newest, epoch)
    return newest
  }

  async wrap(secret: Uint8Array, place: string): Promise<Wrapped> {
    const epoch = this.epoch()
    return { epoch, wrapped: wrapSecret(this.#key(epoch), secret, bound(epoch, place)) }
  }

  async unwrap(epoch: number, wrapped: Uint8Array, place: string): Promise<Uint8Array> {
    const secret = unwrapSecret(this.#key(epoch), wrapped, bound(epoch, place))
    if (secret) return secret
    throw new YizhanError(
      'data_corrupt',
      `the key-encryption key of epoch ${epoch} does not open what it should`,
      {
        details: { provider: this.id, epoch },
        hint: 'the wrapped key is damaged, or this epoch’s key-encryption key is not the one that wrapped it',
      },
    )
  }

  #key(epoch: number): WrappingKey {
    const key = this.#keys.get(epoch)
    if (key) return key
    throw new YizhanError('key_unknown', `there is no key-encryption key of epoch ${epoch}`, {
      details: { provider: this.id, epoch, known: [...this.#keys.keys()] },
      hint: 'put the line of this epoch back; it is needed for as long as `keys status` counts keys under it',
    })
  }
}

function bound(epoch: number, place: string): string {
  return `${epoch} ${place}`
}

/** From a value in the form of `parseKekLines`, as an environment variable holds it. Throws `config_invalid`. */
export function envKek(value: string): KekProvider {
  return new LocalKek('env', parseKekLines(value, 'the environment'))
}

/** From `name` in the directory that systemd gives a service (`LoadCredentialEncrypted=`). Throws `config_invalid`. */
export async function credentialKek(directory: string, name: string): Promise<KekProvider> {
  const path = join(directory, name)
  const text = await readSecretFile(path)
  if (text === undefined) {
    throw new YizhanError('config_invalid', `there is no credential ${name} in ${directory}`, {
      details: { path },
      hint: `add LoadCredentialEncrypted=${name}:… to the unit`,
    })
  }
  return new LocalKek('systemd-creds', parseKekLines(text, path))
}

/**
 * From a file of mode 0600. A missing one is made, with epoch 1, only where `mayCreate` says that no key lies under
 * it yet. `renew` appends the next epoch, unless somebody did already. Throws `config_invalid`, `storage_failed`.
 */
export async function fileKek(path: string, options: { readonly mayCreate: boolean }): Promise<KekProvider> {
  let text = await readSecretFile(path)
  if (text === undefined) {
    if (!options.mayCreate) {
      throw new YizhanError(
        'config_invalid',
        `the key-encryption key ${path} is gone, and there are keys under it`,
        {
          details: { path },
          hint: 'put it back from where you keep it; without it nothing that was sealed can be opened',
        },
      )
    }
    text = kekLine(1, randomBytes(32))
    await writeFileAtomic(path, text)
  }
  return new LocalKek('file', parseKekLines(text, path), (known) => renewFile(path, known))
}

async function renewFile(path: string, known: number): Promise<Map<number, WrappingKey>> {
  const text = await readSecretFile(path)
  if (text === undefined) {
    throw new YizhanError('config_invalid', `the key-encryption key ${path} is gone`, {
      details: { path },
      hint: 'put it back before you rotate',
    })
  }
  const found = parseKekLines(text, path)
  const newest = Math.max(...found.keys())
  if (newest > known) return found
  if (newest >= MAX_EPOCH) throw new YizhanError('config_invalid', `${path} has come to the last epoch`)
  const longer = `${text.endsWith('\n') ? text : `${text}\n`}${kekLine(newest + 1, randomBytes(32))}`
  await writeFileAtomic(path, longer)
  return parseKekLines(longer, path)
}

/** A file that nobody else may read; undefined if there is none. Its content never gets into an error. */
async function readSecretFile(path: string): Promise<string | undefined> {
  let handle: FileHandle
  try {
    handle = await open(path, 'r')
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return undefined
    throw storageError(thrown, 'read', path)
  }
  try {
    const stat = await handle.stat()
    if (!stat.isFile())
      throw new YizhanError('config_invalid', `${path} is not a file`, { details: { path } })
    if ((stat.mode & 0o077) !== 0) {
      throw new YizhanError('config_invalid', `others may read the key-encryption key ${path}`, {
        details: { path, mode: (stat.mode & 0o777).toString(8) },
        hint: `chmod 600 ${path}, and think about a new epoch: somebody may have read it`,
      })
    }
    return await handle.readFile('utf8')
  } catch (thrown) {
    throw storageError(thrown, 'read', path)
  } finally {
    await handle.close()
  }
}
