/** What the stub does wrong, in place of or on top of an answer. */
export const FAULTS = [
  'none',
  /** Takes the request and sends not even the head of an answer until `release` or the client goes. */
  'late-headers',
  /** Says no more after `after` pieces until `release` or the client goes. */
  'stall',
  /** Resets the connection (RST) after `after` pieces. */
  'reset',
  /** Ends the stream in good order after `after` pieces, without finish and `[DONE]`. */
  'cut',
  /** Answers with `status` and an error body; `status` is 500 unless set. */
  'error',
  /** 429, with `retry-after` if `retryAfterMs` is above 0. */
  'rate-limit',
  /** 429 `insufficient_quota`: trying again is of no use. */
  'quota',
  /** An error event in the stream after `after` pieces. */
  'error-event',
  /** An event that is no JSON after `after` pieces. */
  'malformed',
  /** Emoji and Chinese in every piece, written byte by byte. */
  'split-utf8',
  /** A usage that has nothing to do with the answer. */
  'wrong-usage',
  /** Goes on writing (and counts as running) when the client has gone. */
  'ignores-disconnect',
] as const
export type Fault = (typeof FAULTS)[number]

/** How one request is answered. */
export interface StubSettings {
  /** Pieces of an answer, one token each. */
  readonly tokens: number
  /** From the request to the first piece. */
  readonly firstMs: number
  /** Between pieces; 0 = all of them in one write. */
  readonly tokenMs: number
  readonly fault: Fault
  /** Pieces that are written before a fault. */
  readonly after: number
  readonly status: number
  readonly retryAfterMs: number
  /** Longest prompt in tokens, a quarter of its characters each; 0 = no limit. */
  readonly maxInput: number
}

export const STUB_DEFAULTS: StubSettings = {
  tokens: 20,
  firstMs: 0,
  tokenMs: 0,
  fault: 'none',
  after: 0,
  status: 500,
  retryAfterMs: 0,
  maxInput: 0,
}

/** Settings as `key=value` separated by commas, as they stand in `x-stub`, in a model's name and on the command line. */
export function parseSettings(spec: string): Partial<StubSettings> {
  const pairs = spec
    .split(',')
    .filter((part) => part.trim() !== '')
    .map((part) => part.split('=').map((side) => side.trim()))
  return checkSettings(Object.fromEntries(pairs.map(([key = '', value = '']) => [key, value])))
}

/** Throws RangeError on an unknown key or fault, or a number that is none. */
export function checkSettings(given: Readonly<Record<string, unknown>>): Partial<StubSettings> {
  const settings: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(given)) {
    if (!(key in STUB_DEFAULTS)) throw new RangeError(`the stub has no setting ${key}`)
    settings[key] = key === 'fault' ? faultOf(value) : numberOf(key, value)
  }
  return settings
}

function faultOf(value: unknown): Fault {
  const fault = FAULTS.find((known) => known === value)
  if (!fault) throw new RangeError(`the stub has no fault ${value}; it has ${FAULTS.join(', ')}`)
  return fault
}

function numberOf(key: string, value: unknown): number {
  const number = typeof value === 'string' && value === '' ? Number.NaN : Number(value)
  if (!Number.isFinite(number) || number < 0) throw new RangeError(`the stub's ${key} is no number`)
  return number
}
