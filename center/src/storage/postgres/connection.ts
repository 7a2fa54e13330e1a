import { readFile } from 'node:fs/promises'
import type { ConnectionOptions } from 'node:tls'
import { isLoopback, outboundTls, storageError, YizhanError } from '@yizhan/kernel'
import type { ClientConfig } from 'pg'
import type { PostgresConfig, PostgresRole } from './config.js'

// Every statement finds its rows by an index, one by one, and every plan is made once for each connection. Left to its
// estimates the planner joins all of a tenant's rows with each key: minutes for a few thousand.
const OFF = ['seqscan', 'bitmapscan', 'hashjoin', 'mergejoin', 'material'].map(
  (name) => `-c enable_${name}=off`,
)
const LOOKUPS = [...OFF, '-c jit=off', '-c plan_cache_mode=force_generic_plan'].join(' ')

/** `lookups`: statements by key, with timeouts. `upkeep`: statements over much, that may take long. */
export type ConnectionUse = 'lookups' | 'upkeep'

/**
 * How a role connects, nothing of it from the environment or from files in a home directory. Throws `config_invalid`,
 * `not_found`, `storage_failed`.
 */
export async function clientConfig(
  config: PostgresConfig,
  { user, passwordFile }: PostgresRole,
  use: ConnectionUse,
): Promise<ClientConfig> {
  const { host, port, database, connectTimeoutMs, statementTimeoutMs } = config
  const timeouts =
    use === 'lookups'
      ? {
          statement_timeout: statementTimeoutMs,
          idle_in_transaction_session_timeout: statementTimeoutMs,
          // For a server that says nothing any more; statements of one transaction are sent together.
          query_timeout: 2 * statementTimeoutMs + 1_000,
        }
      : {}
  return {
    host,
    port,
    database,
    user,
    password: () => readPassword(passwordFile),
    ssl: await tlsOptions(config),
    options: use === 'lookups' ? LOOKUPS : '-c jit=off',
    keepAlive: true,
    keepAliveInitialDelayMillis: 30_000,
    connectionTimeoutMillis: connectTimeoutMs,
    pipeline: true,
    ...timeouts,
  }
}

/** '' where there is none: pg would look in the environment and in `~/.pgpass`. */
async function readPassword(path: string | undefined): Promise<string> {
  if (path === undefined) return ''
  const text = await readFileOf(path)
  return text.toString('utf8').split(/\r?\n/, 1)[0] ?? ''
}

async function tlsOptions({ host, tls }: PostgresConfig): Promise<ConnectionOptions | false> {
  const local = host.startsWith('/')
  if (local) return false
  if (tls.mode === 'off') {
    if (isLoopback(host)) return false
    throw new YizhanError('config_invalid', 'the database is on another host, and TLS is off', {
      hint: 'set tls.mode to verify, with a caFile if the authority is your own',
    })
  }
  const [ca, cert, key] = await Promise.all(
    [tls.caFile, tls.certFile, tls.keyFile].map((path) =>
      path === undefined ? undefined : readFileOf(path),
    ),
  )
  // The name in the certificate is held against `host`.
  return {
    ...outboundTls,
    rejectUnauthorized: true,
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
  }
}

function readFileOf(path: string): Promise<Buffer> {
  return readFile(path).catch((thrown: unknown) => {
    throw storageError(thrown, 'read', path)
  })
}
