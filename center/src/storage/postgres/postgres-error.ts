import { type ErrorCode, systemCode, YizhanError } from '@yizhan/kernel'

interface Meaning {
  readonly code: ErrorCode
  readonly what: string
  readonly hint?: string
}

/** SQLSTATE, or its class (the first two characters). */
const MEANINGS: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ['08', { code: 'unavailable', what: 'the connection to the database broke' }],
  ['25006', { code: 'unavailable', what: 'the database takes no writes: it is a standby' }],
  ['25P03', { code: 'unavailable', what: 'the database ended an idle transaction' }],
  ['28', { code: 'unauthenticated', what: 'the database refused the role', hint: 'check its password file' }],
  [
    '3D000',
    { code: 'config_invalid', what: 'there is no such database', hint: 'create it as the how-to says' },
  ],
  ['3F000', { code: 'failed_precondition', what: 'the database was not migrated' }],
  ['40', { code: 'unavailable', what: 'the database could not put the transactions in order' }],
  ['42501', { code: 'permission_denied', what: 'the database role lacks a right' }],
  ['42P01', { code: 'failed_precondition', what: 'the database was not migrated' }],
  ['53100', { code: 'disk_full', what: "the database's disk is full" }],
  ['53200', { code: 'overloaded', what: 'the database is out of memory' }],
  ['53300', { code: 'unavailable', what: 'the database takes no more connections' }],
  ['55P03', { code: 'unavailable', what: 'a lock of the database was not to be had' }],
  ['57014', { code: 'deadline_exceeded', what: 'the database took too long' }],
  ['57P', { code: 'unavailable', what: 'the database shuts down or starts' }],
  ['58030', { code: 'storage_failed', what: "the database's disk failed" }],
  ['58P01', { code: 'data_corrupt', what: 'the database misses a file' }],
  ['XX001', { code: 'data_corrupt', what: 'the database found damage' }],
  ['XX002', { code: 'data_corrupt', what: 'the database found a damaged index' }],
])

/** What Node or pg throw when there is no connection (any more); pg has no code for its own. */
const LOST: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
])
const LOST_TEXT =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|Query read timeout|timeout expired|timeout exceeded|Cannot use a pool)/

/** Node's names of what can be wrong with a certificate. */
const TLS_CODE = /CERT|^ERR_TLS_|^UNABLE_TO_(GET|VERIFY|DECRYPT|DECODE)/

/** Undefined unless the server itself said no. */
export function sqlState(thrown: unknown): string | undefined {
  const state = thrown instanceof Error && 'severity' in thrown && 'code' in thrown ? thrown.code : undefined
  return typeof state === 'string' ? state : undefined
}

/** The connection is gone, or will be: what was under way may or may not have happened. */
export function isConnectionLost(thrown: unknown): boolean {
  const state = sqlState(thrown)
  if (state !== undefined) {
    const severity = (thrown as { readonly severity?: unknown }).severity
    return severity === 'FATAL' || severity === 'PANIC' || state.startsWith('08') || state.startsWith('57P')
  }
  if (!(thrown instanceof Error)) return false
  return LOST.has(systemCode(thrown)) || LOST_TEXT.test(thrown.message)
}

/** What pg threw, in this project's terms. The server's details are left out: they quote rows. */
export function postgresError(thrown: unknown, doing: string): YizhanError {
  if (thrown instanceof YizhanError) return thrown
  const state = sqlState(thrown)
  const { code, what, hint } = meaningOf(state, thrown)
  const text = thrown instanceof Error ? thrown.message : String(thrown)
  const cause = new Error(state === undefined ? text : `${state}: ${text}`)
  return new YizhanError(code, `cannot ${doing}: ${what}`, {
    cause,
    ...(state === undefined ? {} : { details: { sqlState: state } }),
    ...(hint === undefined ? {} : { hint }),
  })
}

function meaningOf(state: string | undefined, thrown: unknown): Meaning {
  const said =
    state === undefined
      ? undefined
      : (MEANINGS.get(state) ?? MEANINGS.get(state.slice(0, 3)) ?? MEANINGS.get(state.slice(0, 2)))
  if (said) return said
  if (isConnectionLost(thrown)) return { code: 'unavailable', what: 'the database cannot be reached' }
  if (thrown instanceof Error && thrown.message.startsWith('SASL')) {
    return { code: 'unauthenticated', what: 'the database wants a password', hint: 'set a password file' }
  }
  if (TLS_CODE.test(systemCode(thrown))) {
    return { code: 'unauthenticated', what: 'its certificate cannot be verified', hint: 'set tls.caFile' }
  }
  if (thrown instanceof Error && thrown.message.includes('does not support SSL')) {
    return {
      code: 'failed_precondition',
      what: 'the server has no TLS',
      hint: 'turn ssl on in postgresql.conf',
    }
  }
  return { code: 'internal', what: 'the database refused it' }
}
