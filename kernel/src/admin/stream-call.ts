import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { YizhanError } from '../errors.js'
import { parseJson } from '../json.js'
import { type AdminMethod, adminCallError } from './call.js'
import { errorFromReply } from './error-reply.js'

export interface AdminStreamOptions {
  /** Sent as `application/octet-stream`, as fast as the process takes it. */
  readonly body?: AsyncIterable<Uint8Array>
  readonly headers?: Readonly<Record<string, string>>
}

export interface AdminStream {
  readonly headers: IncomingHttpHeaders
  /** Read it to its end, or end it. An answer that breaks off throws `unavailable`. */
  readonly body: AsyncIterable<Uint8Array>
}

const MAX_ERROR_BYTES = 64 * 1024

/** A command whose request or answer is too large to be held. Throws as `adminCall` does; there is no time limit. */
export async function adminStream(
  socketPath: string,
  method: AdminMethod,
  path: string,
  options: AdminStreamOptions,
  signal: AbortSignal,
): Promise<AdminStream> {
  try {
    const response = await answerOf({ socketPath, method, path, signal }, options)
    const status = response.statusCode ?? 500
    if (status >= 400) throw errorFromReply(status, parseJson(await textOf(response)))
    return { headers: response.headers, body: bodyOf(response, signal) }
  } catch (thrown) {
    throw adminCallError(thrown, signal)
  }
}

interface Target {
  readonly socketPath: string
  readonly method: AdminMethod
  readonly path: string
  readonly signal: AbortSignal
}

function answerOf(target: Target, { body, headers }: AdminStreamOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const type = body ? { 'content-type': 'application/octet-stream' } : {}
    let answered = false
    const call = request({ ...target, headers: { ...type, ...headers }, agent: false }, (response) => {
      answered = true
      resolve(response)
    })
    call.once('error', reject)
    if (!body) call.end()
    // A refusal may come before all is sent: then it counts, not the broken pipe.
    else
      pipeline(Readable.from(body), call).catch((thrown: unknown) => (answered ? undefined : reject(thrown)))
  })
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_ERROR_BYTES) break
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

async function* bodyOf(response: IncomingMessage, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) yield chunk
    if (!response.complete) throw new YizhanError('unavailable', 'the answer broke off')
  } catch (thrown) {
    throw adminCallError(thrown, signal)
  }
}
