import type { EngineLoad } from '../port.js'

export interface CreditConfig {
  /** Tokens that may be in flight, fixed; without it they are learned. */
  readonly tokens?: number
}

/** Where learning begins and what it never leaves. */
const START = 32_768
const LEAST = 2_048
const MOST = 4_194_304
/** Of an engine's memory for keys and values as much is used; full, it would throw requests out again. */
const CACHE_SHARE = 0.9
const GROW = 1.1
const SHRINK = 0.9
/** How much the latest first token moves the mean, and how slowly the best one is forgotten. */
const SMOOTHING = 0.1
const FORGETTING = 0.002
/** A mean that is so many times the best one says that requests queue inside the engine. */
const SLOW = 3
/** Below this nobody minds, ms. */
const NEGLIGIBLE_MS = 50

/**
 * How many tokens an engine may have in flight. What the engine says of its queue and its memory decides; of one that
 * says nothing, how much longer first tokens take than they did at best. It grows only while it is what holds requests up.
 */
export class Credit {
  readonly #fixed: boolean
  #tokens: number
  #most = MOST
  #speaks = false
  #heldUp = false
  #meanMs: number | undefined
  #bestMs: number | undefined
  #firsts = 0

  constructor(config: CreditConfig) {
    this.#fixed = config.tokens !== undefined
    this.#tokens = config.tokens ?? START
  }

  get tokens(): number {
    return Math.round(this.#tokens)
  }

  /** A request waits because of this. */
  heldUp(): void {
    this.#heldUp = true
  }

  /** What the engine says of itself, with `inFlight` tokens of ours. */
  observe(load: EngineLoad, inFlight: number): void {
    this.#speaks = true
    if (load.cacheTokens !== undefined && load.cacheTokens > 0) this.#most = load.cacheTokens * CACHE_SHARE
    const full = load.waiting > 0 || (load.cacheUsage ?? 0) > CACHE_SHARE
    if (full) this.#set(Math.min(this.#tokens, Math.max(inFlight, LEAST)) * SHRINK)
    else this.#grow()
  }

  /** A first token came after `ms`. */
  firstToken(ms: number): void {
    this.#meanMs = this.#meanMs === undefined ? ms : this.#meanMs + SMOOTHING * (ms - this.#meanMs)
    this.#bestMs = Math.min(ms, (this.#bestMs ?? ms) * (1 + FORGETTING))
    if (this.#speaks) return
    // Once for about as many as the mean remembers, or a burst would be answered many times over.
    this.#firsts += 1
    if (this.#firsts < 1 / SMOOTHING) return
    this.#firsts = 0
    if (this.#meanMs > SLOW * Math.max(this.#bestMs, NEGLIGIBLE_MS)) this.#set(this.#tokens * SHRINK)
    else this.#grow()
  }

  /** The engine sent a request away for lack of room. */
  refused(inFlight: number): void {
    this.#set(Math.min(this.#tokens, inFlight) * SHRINK)
  }

  #grow(): void {
    if (this.#heldUp) this.#set(this.#tokens * GROW)
    this.#heldUp = false
  }

  #set(tokens: number): void {
    if (!this.#fixed) this.#tokens = Math.max(LEAST, Math.min(this.#most, tokens))
  }
}
