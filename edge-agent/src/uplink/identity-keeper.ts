import type { ChannelOptions } from '@grpc/grpc-js'
import { type Clock, type Logger, type SealedFiles, toYizhanError, YizhanError } from '@yizhan/kernel'
import type { RpcClient, SigningKey } from '@yizhan/proto'
import { openLinkChannel } from './center-channel.js'
import { enrol } from './enrol.js'
import { acceptSigningKeys, type HeldIdentity } from './held-identity.js'
import { type IdentityStore, openIdentityStore } from './identity-store.js'
import { isRefusal } from './rpc-error.js'

export interface IdentityConfig {
  readonly linkAddress: string
  readonly enrollAddress?: string
  readonly token?: string
  readonly dir: string
  readonly agentVersion: string
}

/** Who this edge is now: gets an identity if there is none, hands out channels that prove it, follows its changes. */
export class IdentityKeeper {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #files: SealedFiles
  readonly #store: IdentityStore
  readonly #config: IdentityConfig
  readonly #openedWith = new WeakMap<RpcClient, HeldIdentity['certificate']>()
  #identity: HeldIdentity | undefined
  #tokenRefused = false
  #saving: Promise<void> = Promise.resolve()

  constructor(
    deps: { clock: Clock; log: Logger; files: SealedFiles },
    config: IdentityConfig,
    store: IdentityStore,
    identity: HeldIdentity | undefined,
  ) {
    this.#clock = deps.clock
    this.#log = deps.log
    this.#files = deps.files
    this.#config = config
    this.#store = store
    this.#identity = identity
  }

  get identity(): HeldIdentity | undefined {
    return this.#identity
  }

  /** Whether this edge is enrolled, or has what it takes to try. */
  get canConnect(): boolean {
    return this.#identity !== undefined || this.#joining !== undefined
  }

  /** Enrols if there is no identity, or an expired one and a token to replace it. Throws why there is still none. */
  async prepare(signal: AbortSignal): Promise<void> {
    const joining = this.#joining
    if (!joining || (this.#identity && (!this.#expired || this.#tokenRefused))) return
    try {
      const { dir, agentVersion } = this.#config
      this.#identity = await enrol(
        { clock: this.#clock, log: this.#log, files: this.#files },
        { ...joining, dir, agentVersion, signal },
      )
    } catch (thrown) {
      // With an expired certificate the link is tried all the same: this machine's clock may be what is wrong.
      if (!this.#identity) throw thrown
      const error = toYizhanError(thrown)
      this.#tokenRefused = isRefusal(error)
      this.#log.warn({ err: error }, 'the join token did not replace the expired certificate')
    }
  }

  /** A channel to the center's link listener as this edge; throws `failed_precondition` before enrolment. */
  openChannel(options: ChannelOptions = {}): RpcClient {
    const identity = this.#identity
    if (!identity) throw new YizhanError('failed_precondition', 'this edge is not enrolled')
    const client = openLinkChannel(this.#config.linkAddress, identity, options)
    this.#openedWith.set(client, identity.certificate)
    return client
  }

  /** Whether the channel was opened with the certificate of now. */
  isCurrent(client: RpcClient): boolean {
    return this.#openedWith.get(client) === this.#identity?.certificate
  }

  /** Why a link cannot come up, if it is for the certificate's age. */
  hopeless(): { readonly code: string; readonly reason: string } | undefined {
    const identity = this.#identity
    if (!identity || !this.#expired) return undefined
    const since = new Date(identity.notAfter).toISOString()
    const reason = `the certificate of this edge expired at ${since}: enrol it again with a new join token`
    return { code: 'unauthenticated', reason }
  }

  /** Trusts these signing keys from now on, and no others. */
  trust(keys: readonly SigningKey[]): void {
    const identity = this.#identity
    if (!identity || keys.length === 0) return
    try {
      const signingKeys = acceptSigningKeys(keys)
      const same =
        signingKeys.length === identity.signingKeys.length &&
        signingKeys.every((key, i) => {
          const held = identity.signingKeys[i]
          return held?.keyId === key.keyId && held.publicKey.equals(key.publicKey)
        })
      if (same) return
      this.#identity = { ...identity, signingKeys }
      this.#save().catch((thrown) => {
        this.#log.error({ err: toYizhanError(thrown) }, 'new signing keys could not be kept on disk')
      })
    } catch (thrown) {
      this.#log.error({ err: toYizhanError(thrown) }, 'the signing keys from the center cannot be used')
    }
  }

  /** Becomes `identity`; resolves when it is on disk. On a failure this edge stays who it was. */
  async become(identity: HeldIdentity): Promise<void> {
    const before = this.#identity
    this.#identity = identity
    try {
      await this.#save()
    } catch (thrown) {
      this.#identity = before
      throw thrown
    }
  }

  /** Resolves when what is being written is on disk, or has failed. */
  settled(): Promise<void> {
    return this.#saving.catch(() => undefined)
  }

  get #expired(): boolean {
    return this.#identity !== undefined && this.#clock.wall() >= this.#identity.notAfter
  }

  get #joining(): { readonly enrollAddress: string; readonly token: string } | undefined {
    const { enrollAddress, token } = this.#config
    return enrollAddress === undefined || token === undefined ? undefined : { enrollAddress, token }
  }

  /** One write after the other, each with the identity of its moment: the last one wins. */
  #save(): Promise<void> {
    const write = async () => {
      if (this.#identity) await this.#store.save(this.#identity)
    }
    this.#saving = this.#saving.then(write, write)
    return this.#saving
  }
}

/** Reads the identity from `config.dir`. */
export async function openIdentityKeeper(
  deps: { clock: Clock; log: Logger; files: SealedFiles },
  config: IdentityConfig,
): Promise<IdentityKeeper> {
  const store = await openIdentityStore(deps, config.dir)
  return new IdentityKeeper(deps, config, store, await store.load())
}
