import type { KeyKind, Slot } from './slot.js'

/** A key that the KEK wraps, as memory knows it. */
export interface KeyEntry {
  readonly slot: number
  readonly keyId: Buffer
  readonly generation: number
  /** Of the KEK. */
  epoch: number
}

/** What is wrong with a slot; the others are not touched by it. */
export interface Damage {
  readonly slot: number
  readonly why: 'damaged' | 'duplicate'
}

/** The keys of a tenant, or of the system. Keys themselves are not here. */
export interface ScopeKeys {
  /** Oldest first. */
  readonly generations: KeyEntry[]
  lookup: KeyEntry | undefined
  /** Slots of a person: one number, or several with the newest last. */
  readonly subjects: Map<string, number | number[]>
  /** When a person's key was destroyed, in milliseconds since the Unix epoch. */
  readonly erased: Map<string, number>
  /** When the tenant's keys were destroyed. */
  erasedAt: number | undefined
  /** Slots that belong to the tenant's own keys but cannot be used. */
  readonly strays: number[]
}

/** Where every key lies: some hundred bytes per tenant, some hundred per person. */
export class KeyIndex {
  readonly scopes = new Map<string, ScopeKeys>()
  readonly damage = new Map<number, Damage>()
  readonly #generations = new Map<number, number>()

  scope(tenant: string): ScopeKeys {
    let scope = this.scopes.get(tenant)
    if (!scope) {
      scope = {
        generations: [],
        lookup: undefined,
        subjects: new Map(),
        erased: new Map(),
        erasedAt: undefined,
        strays: [],
      }
      this.scopes.set(tenant, scope)
    }
    return scope
  }

  /** Takes in what lies in a slot; its parts are copied. */
  add(number: number, slot: Slot): void {
    if (slot.s === 'free') return
    if (slot.s === 'damaged') {
      this.damage.set(number, { slot: number, why: 'damaged' })
      if (slot.named) this.#addStray(number, slot.named)
      return
    }
    const scope = this.scope(slot.tenant)
    if (slot.s === 'destroyed') {
      if (slot.kind === 'tenant') scope.erasedAt = Math.min(slot.at, scope.erasedAt ?? slot.at)
      else scope.erased.set(slot.subject, Math.min(slot.at, scope.erased.get(slot.subject) ?? slot.at))
      return
    }
    if (slot.kind === 'subject') {
      this.#addSubject(scope, slot.subject, number, slot.generation)
      return
    }
    const entry: KeyEntry = {
      slot: number,
      keyId: Buffer.from(slot.keyId),
      generation: slot.generation,
      epoch: slot.epoch,
    }
    const twin =
      slot.kind === 'lookup'
        ? scope.lookup
        : scope.generations.find((other) => other.generation === slot.generation)
    if (twin) {
      this.damage.set(number, { slot: number, why: 'duplicate' })
      scope.strays.push(number)
    } else if (slot.kind === 'lookup') {
      scope.lookup = entry
    } else {
      scope.generations.push(entry)
      scope.generations.sort((a, b) => a.generation - b.generation)
    }
  }

  #addSubject(scope: ScopeKeys, subject: string, number: number, generation: number): void {
    const before = slotsOf(scope, subject)
    const twin = before.find((slot) => !this.damage.has(slot) && this.generationAt(slot) === generation)
    if (twin !== undefined) this.damage.set(number, { slot: number, why: 'duplicate' })
    if (generation > 1) this.#generations.set(number, generation)
    if (before.length === 0) scope.subjects.set(subject, number)
    else {
      const order = (slot: number) => (this.damage.has(slot) ? 0 : this.generationAt(slot))
      scope.subjects.set(
        subject,
        [...before, number].sort((a, b) => order(a) - order(b)),
      )
    }
  }

  #addStray(number: number, named: { kind: KeyKind; tenant: string; subject: string }): void {
    const scope = this.scope(named.tenant)
    if (named.kind === 'subject') {
      scope.subjects.set(named.subject, [number, ...slotsOf(scope, named.subject)])
    } else {
      scope.strays.push(number)
    }
  }

  /** Of a person's key; nearly always 1. */
  generationAt(slot: number): number {
    return this.#generations.get(slot) ?? 1
  }

  /** Its key is gone. */
  drop(slot: number): void {
    this.damage.delete(slot)
    this.#generations.delete(slot)
  }

  /** Every key that the KEK wraps. */
  *entries(): Generator<{
    readonly tenant: string
    readonly kind: 'tenant' | 'lookup'
    readonly entry: KeyEntry
  }> {
    for (const [tenant, scope] of this.scopes) {
      for (const entry of scope.generations) yield { tenant, kind: 'tenant', entry }
      if (scope.lookup) yield { tenant, kind: 'lookup', entry: scope.lookup }
    }
  }
}

/** A person's slots, the newest last. */
export function slotsOf(scope: ScopeKeys, subject: string): readonly number[] {
  const slots = scope.subjects.get(subject)
  if (slots === undefined) return []
  return typeof slots === 'number' ? [slots] : slots
}
