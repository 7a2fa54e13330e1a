import { type Clock, type Outbound, parseJson, YizhanError } from '@yizhan/kernel'
import { PhaseTimer } from '../../phase-timer.js'
import { type ErrorBody, errorBody, faultError, retryAfterMs, transportError } from './errors.js'

type Response = Awaited<ReturnType<Outbound['request']>>

const MAX_FAULT_BYTES = 64 * 1024

/** The HTTP side of an OpenAI-compatible server: addresses, the key, failures as typed errors. */
export class ModelServer {
  readonly #http: Pick<Outbound, 'request'>
  readonly #clock: Clock
  readonly #base: string
  readonly #headers: Readonly<Record<string, string>>

  /** Throws `config_invalid`, never quoting the address. */
  constructor(
    deps: { readonly http: Pick<Outbound, 'request'>; readonly clock: Clock },
    config: { readonly url: string; readonly apiKey?: string },
  ) {
    this.#http = deps.http
    this.#clock = deps.clock
    this.#base = baseUrl(config.url)
    this.#headers = config.apiKey === undefined ? {} : { authorization: `Bearer ${config.apiKey}` }
  }

  /** Scheme, host and port. */
  get origin(): string {
    return new URL(this.#base).origin
  }

  /** The answer's body, once its status says that it is one. */
  async post(
    path: string,
    body: string,
    { accept, traceparent }: { readonly accept: string; readonly traceparent?: string | undefined },
    signal: AbortSignal,
  ): Promise<Response['body']> {
    const response = await this.#http.request(`${this.#base}${path}`, {
      method: 'POST',
      headers: {
        ...this.#headers,
        'content-type': 'application/json',
        accept,
        ...(traceparent === undefined ? {} : { traceparent }),
      },
      body,
      signal,
    })
    if (response.statusCode < 200 || response.statusCode > 299) throw await this.#fault(response)
    return response.body
  }

  /** What `path` gives, at most `maxBytes`; the status is 2xx or one of `accepted`. An address that is whole is used as it is. */
  async get(
    path: string,
    limits: { readonly ms: number; readonly maxBytes: number; readonly accepted: readonly number[] },
    outer: AbortSignal,
  ): Promise<{ readonly status: number; readonly text: string }> {
    return this.timed(limits.ms, outer, async (signal) => {
      const url = path.startsWith('http') ? path : `${this.#base}${path}`
      const response = await this.#http.request(url, { headers: this.#headers, signal })
      const { statusCode: status, body } = response
      if ((status < 200 || status > 299) && !limits.accepted.includes(status))
        throw await this.#fault(response)
      return { status, text: await textOf(body, limits.maxBytes) }
    })
  }

  /** The JSON that a `post` answers with, at most `maxBytes`. */
  async postForJson(
    path: string,
    body: string,
    limits: { readonly ms: number; readonly maxBytes: number },
    outer: AbortSignal,
  ): Promise<unknown> {
    const text = await this.timed(limits.ms, outer, async (signal) =>
      textOf(await this.post(path, body, { accept: 'application/json' }, signal), limits.maxBytes),
    )
    try {
      return parseJson(text)
    } catch (thrown) {
      throw new YizhanError('backend_failed', "the model server's answer is not JSON", { cause: thrown })
    }
  }

  /** Runs `work` for at most `ms`; what it throws comes as a typed error. */
  async timed<T>(ms: number, outer: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const timer = new PhaseTimer(this.#clock, 'the model server', outer).start(ms)
    try {
      timer.signal.throwIfAborted()
      return await work(timer.signal)
    } catch (thrown) {
      throw timer.signal.aborted ? timer.signal.reason : transportError(thrown)
    } finally {
      timer.stop()
    }
  }

  async #fault(response: Response): Promise<YizhanError> {
    const said = await faultBody(response.body)
    const retryAfter = retryAfterMs((name) => headerOf(response, name), this.#clock.wall())
    return faultError({
      status: response.statusCode,
      ...said,
      ...(retryAfter === undefined ? {} : { retryAfterMs: retryAfter }),
    })
  }
}

function headerOf({ headers }: Response, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** What an error answer says of itself; nothing if its body is none or too long. */
async function faultBody(body: AsyncIterable<Uint8Array>): Promise<ErrorBody> {
  try {
    return errorBody(parseJson(await textOf(body, MAX_FAULT_BYTES)))
  } catch {
    // The status alone says enough; a body cut short or in another form adds nothing.
    return { codes: [] }
  }
}

async function textOf(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new YizhanError('backend_failed', "the model server's answer is too long")
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** The address up to and including the API version. */
function baseUrl(given: string): string {
  let url: URL
  try {
    url = new URL(given)
  } catch (thrown) {
    throw new YizhanError('config_invalid', "the backend's url is not an address", { cause: thrown })
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new YizhanError('config_invalid', "the backend's url has to start with http:// or https://")
  }
  if (url.username !== '' || url.password !== '') {
    throw new YizhanError('config_invalid', "the backend's url holds a password; use apiKey")
  }
  const path = url.pathname.replace(/\/+$/, '').replace(/\/(?:chat\/completions|completions|embeddings)$/, '')
  return `${url.origin}${/\/v\d+$/.test(path) ? path : `${path}/v1`}`
}
