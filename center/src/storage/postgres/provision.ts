import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import { YizhanError } from '@yizhan/kernel'
import pg from 'pg'
import type { RoleNames } from './schema.js'

const ITERATIONS = 4_096
const PLAIN_ASCII = /^[\x21-\x7e]{12,128}$/

export interface ProvisionOptions {
  readonly database: string
  readonly roles: RoleNames
  /** 12–128 visible ASCII characters each; a role without one must come by peer or certificate. */
  readonly passwords?: Partial<Record<keyof RoleNames, string>>
}

/**
 * What a superuser runs once, with psql: roles and an empty database. It holds no password: those go in as SCRAM
 * verifiers, so that none gets into a log. Throws `invalid_argument`.
 */
export function provisionSql({ database, roles, passwords = {} }: ProvisionOptions): string {
  const [owner, app, sweep] = [roles.owner, roles.app, roles.sweep].map(pg.escapeIdentifier)
  const db = pg.escapeIdentifier(database)
  const role = (name: string | undefined, password: string | undefined) => {
    const secret = password === undefined ? '' : ` PASSWORD '${scramVerifier(password)}'`
    return `CREATE ROLE ${name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT${secret};`
  }
  return `${role(owner, passwords.owner)}
${role(app, passwords.app)}
${role(sweep, passwords.sweep)}
CREATE DATABASE ${db} OWNER ${owner} ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE ${db} FROM PUBLIC;
GRANT CONNECT ON DATABASE ${db} TO ${app}, ${sweep};
\\connect ${db}
REVOKE ALL ON SCHEMA public FROM PUBLIC;
`
}

/** RFC 5803, as PostgreSQL stores a password. */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16)): string {
  // Others would have to go through SASLprep first.
  if (!PLAIN_ASCII.test(password)) {
    throw new YizhanError('invalid_argument', 'a password is not 12–128 visible ASCII characters')
  }
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256')
  const hmac = (text: string) => createHmac('sha256', salted).update(text).digest()
  const stored = createHash('sha256').update(hmac('Client Key')).digest('base64')
  const server = hmac('Server Key').toString('base64')
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${stored}:${server}`
}
