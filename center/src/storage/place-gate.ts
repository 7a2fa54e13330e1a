import { type TenantId, YizhanError } from '@yizhan/kernel'

/** Work that runs, and who waits for all of it. */
class Running {
  #count = 0
  readonly #waiting = new Set<() => void>()

  get count(): number {
    return this.#count
  }

  begin(): void {
    this.#count += 1
  }

  end(): void {
    this.#count -= 1
    if (this.#count === 0) for (const done of this.#waiting) done()
  }

  /** Resolves once none runs; throws the signal's reason. */
  async none(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#count === 0) return
    await new Promise<void>((resolve, reject) => {
      const done = () => {
        this.#waiting.delete(done)
        signal.removeEventListener('abort', aborted)
        resolve()
      }
      const aborted = () => {
        this.#waiting.delete(done)
        reject(signal.reason)
      }
      this.#waiting.add(done)
      signal.addEventListener('abort', aborted, { once: true })
    })
  }
}

interface Gate {
  readonly writes: Running
  /** Replaced at a switch: those before read the place that is given up. */
  reads: Running
  /** Why nobody may write. */
  shut?: string
}

const NEVER = new AbortController().signal

/** Counts what runs on each tenant, so that a place is only given up once nobody uses it; keeps writers out meanwhile. */
export class PlaceGates {
  readonly #gates = new Map<TenantId, Gate>()
  readonly #all = new Running()
  readonly #claimed = new Set<TenantId>()

  async read<T>(tenant: TenantId, work: () => Promise<T>): Promise<T> {
    const end = this.beginRead(tenant)
    try {
      return await work()
    } finally {
      end()
    }
  }

  /** Call the answer once when the reading has ended. */
  beginRead(tenant: TenantId): () => void {
    const gate = this.#gate(tenant)
    const { reads } = gate
    reads.begin()
    return () => {
      reads.end()
      this.#tidy(tenant, gate)
    }
  }

  /** Throws `unavailable` while the tenant is shut. */
  async write<T>(tenant: TenantId, work: () => Promise<T>): Promise<T> {
    const gate = this.#gate(tenant)
    if (gate.shut !== undefined) throw readOnly(tenant, gate.shut)
    gate.writes.begin()
    this.#all.begin()
    try {
      return await work()
    } finally {
      gate.writes.end()
      this.#all.end()
      this.#tidy(tenant, gate)
    }
  }

  /** For what may not run twice on a tenant; call the answer to end it. Throws `failed_precondition`. */
  claim(tenant: TenantId): () => void {
    if (this.#claimed.has(tenant)) {
      throw new YizhanError('failed_precondition', `the tenant ${tenant} is being moved, loaded or dropped`, {
        details: { tenant },
        hint: 'wait until that is done: yizhan-center storage list',
      })
    }
    this.#claimed.add(tenant)
    return () => this.#claimed.delete(tenant)
  }

  /** Refuses writes from now on. */
  shut(tenant: TenantId, why: string): void {
    this.#gate(tenant).shut = why
  }

  /** Idempotent. */
  open(tenant: TenantId): void {
    const gate = this.#gates.get(tenant)
    if (!gate) return
    delete gate.shut
    this.#tidy(tenant, gate)
  }

  /** Resolves once no write of the tenant runs. */
  async written(tenant: TenantId, signal: AbortSignal): Promise<void> {
    await this.#gates.get(tenant)?.writes.none(signal)
  }

  /** Resolves once every read that runs now has ended; later ones do not count. */
  async readUp(tenant: TenantId, signal: AbortSignal): Promise<void> {
    const gate = this.#gates.get(tenant)
    if (!gate) return
    const before = gate.reads
    gate.reads = new Running()
    await before.none(signal)
  }

  /** Resolves once no write runs at all. */
  async allWritten(): Promise<void> {
    await this.#all.none(NEVER)
  }

  #gate(tenant: TenantId): Gate {
    const known = this.#gates.get(tenant)
    if (known) return known
    const gate: Gate = { writes: new Running(), reads: new Running() }
    this.#gates.set(tenant, gate)
    return gate
  }

  #tidy(tenant: TenantId, gate: Gate): void {
    const idle = gate.writes.count === 0 && gate.reads.count === 0 && gate.shut === undefined
    // Only its own: readers of before a switch may outlive the gate.
    if (idle && this.#gates.get(tenant) === gate) this.#gates.delete(tenant)
  }
}

function readOnly(tenant: TenantId, why: string): YizhanError {
  return new YizhanError('unavailable', `the tenant ${tenant} takes no writes for the moment: ${why}`, {
    details: { tenant },
    hint: 'try again later: reads go on meanwhile',
  })
}
