import { type IncomingMessage, request } from 'node:http'
import { deadlineSignal } from '../deadline.js'
import { YizhanError } from '../errors.js'
import { parseJson } from '../json.js'
import { systemCode } from '../storage-error.js'
import { errorFromReply } from './error-reply.js'

export type AdminMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface AdminCallOptions {
  readonly signal?: AbortSignal
  /** Until the whole answer is here; default 30,000. */
  readonly timeoutMs?: number
  /** Of the answer; default 16 MiB. */
  readonly maxAnswerBytes?: number
}

const MAX_ANSWER_BYTES = 16 * 1024 * 1024

/**
 * One command to the process that runs on a state directory: its JSON answer (text of another type as a string, an
 * empty body as undefined). Throws the process's own error, `unavailable` if none runs, `deadline_exceeded`, `cancelled`.
 */
export async function adminCall(
  socketPath: string,
  method: AdminMethod,
  path: string,
  body?: unknown,
  options: AdminCallOptions = {},
): Promise<unknown> {
  const timeout = deadlineSignal(options.timeoutMs ?? 30_000)
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout
  const maxBytes = options.maxAnswerBytes ?? MAX_ANSWER_BYTES
  let answer: Answer
  try {
    answer = await send({ socketPath, method, path, signal }, body, maxBytes)
  } catch (thrown) {
    throw callError(thrown, timeout, options.signal)
  }
  const value = answer.isJson && answer.text !== '' ? parseJson(answer.text) : answer.text || undefined
  if (answer.status >= 400) throw errorFromReply(answer.status, value)
  return value
}

interface Answer {
  readonly status: number
  readonly isJson: boolean
  readonly text: string
}

interface Target {
  readonly socketPath: string
  readonly method: AdminMethod
  readonly path: string
  readonly signal: AbortSignal
}

function send(target: Target, body: unknown, maxBytes: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const payload = body === undefined ? undefined : JSON.stringify(body)
    const headers = payload === undefined ? {} : { 'content-type': 'application/json' }
    const call = request({ ...target, headers, agent: false }, (response) => {
      readAnswer(response, maxBytes).then(resolve, reject)
    })
    call.once('error', reject)
    call.end(payload)
  })
}

async function readAnswer(response: IncomingMessage, maxBytes: number): Promise<Answer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) throw new YizhanError('too_large', `the answer is larger than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return {
    status: response.statusCode ?? 500,
    isJson: /^application\/(.+\+)?json\b/.test(response.headers['content-type'] ?? ''),
    text: Buffer.concat(chunks).toString('utf8'),
  }
}

function callError(thrown: unknown, timeout: AbortSignal, caller: AbortSignal | undefined): YizhanError {
  if (!(thrown instanceof YizhanError) && timeout.aborted && !caller?.aborted) {
    return new YizhanError('deadline_exceeded', 'the process did not answer in time', { cause: thrown })
  }
  return adminCallError(thrown, caller)
}

/** What a call over the socket met, in this project's words. */
export function adminCallError(thrown: unknown, caller: AbortSignal | undefined): YizhanError {
  if (thrown instanceof YizhanError) return thrown
  const cause = thrown
  if (caller?.aborted) return new YizhanError('cancelled', 'the call was cancelled', { cause })
  switch (systemCode(thrown)) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return new YizhanError('unavailable', 'no process runs on this state directory', {
        cause,
        hint: 'start it with `npm start`, or the same program with `serve`; --state names another directory',
      })
    case 'EACCES':
    case 'EPERM':
      return new YizhanError('permission_denied', 'the process belongs to another user', { cause })
    case 'ERR_UNESCAPED_CHARACTERS':
      return new YizhanError('invalid_argument', 'the path of the call is malformed', { cause })
    default:
      return new YizhanError('unavailable', 'the connection to the process broke', { cause })
  }
}
