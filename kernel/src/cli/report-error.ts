import { ERROR_MEANING } from '../error-meaning.js'
import { type ErrorTraits, toYizhanError, YizhanError } from '../errors.js'
import type { CliIo } from './io.js'
import { oneLine } from './one-line.js'

const HINT = { en: 'hint', zh: '提示' }
const CAUSE = { en: 'cause', zh: '原因' }

/** Writes code, cause and next command to stderr (as JSON with `--json`) and gives the exit code. */
export function reportError(io: CliIo, thrown: unknown): ErrorTraits['exit'] {
  const error = toYizhanError(thrown)
  const { code, message, hint, details } = error
  if (io.wantsJson) {
    io.err(JSON.stringify({ error: { code, message, ...(hint ? { hint } : {}), details } }))
    return error.traits.exit
  }
  const label = `error[${code}]`
  const sentence = io.lang === 'zh' ? `${ERROR_MEANING[code].zh}（${oneLine(message)}）` : oneLine(message)
  io.err(`${io.colour ? `\u001b[31m${label}\u001b[39m` : label}: ${sentence}`)
  for (const line of problemLines(details.problems)) io.err(`  - ${line}`)
  const cause = causeOf(error)
  if (cause) io.err(`  ${io.say(CAUSE)}: ${oneLine(cause)}`)
  if (hint) io.err(`  ${io.say(HINT)}: ${oneLine(hint)}`)
  return error.traits.exit
}

function problemLines(problems: unknown): string[] {
  if (!Array.isArray(problems)) return []
  return problems.flatMap((problem: unknown) => {
    if (typeof problem !== 'object' || problem === null) return []
    const { path, message, origin } = problem as Record<string, unknown>
    return [oneLine(`${path}: ${message}${typeof origin === 'string' ? ` (${origin})` : ''}`)]
  })
}

/** Our own cause says more; a foreign one would repeat the message or speak of our inner parts. */
function causeOf(error: YizhanError): string | undefined {
  return error.cause instanceof YizhanError ? `${error.cause.code}: ${error.cause.message}` : undefined
}
