import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import pg from 'pg'
import type { PostgresConfig } from '../config.js'
import { asOwner, migrate } from '../migrate.js'
import { provisionSql } from '../provision.js'
import type { RoleNames } from '../schema.js'

export const ROLES: RoleNames = { owner: 'yizhan_owner', app: 'yizhan_app', sweep: 'yizhan_sweep' }
const TEMPLATE = 'yizhan_template'
const INSTALLED = '/usr/lib/postgresql'

export interface ServerOptions {
  /** Size of a tmpfs that only the server sees; databases may lie in its tablespace `small`. */
  readonly smallDisk?: string
  /** With a certificate for `localhost`, `server.crt` in its directory. */
  readonly tls?: boolean
}

/** An own PostgreSQL server in a directory that vanishes with it; passwords are made up for each. */
export class TestServer {
  readonly dir: string
  readonly port: number
  readonly #bin: string
  readonly #passwords: Readonly<Record<string, string>>
  readonly #smallDisk: string | undefined
  readonly #tls: boolean
  #process: ChildProcess | undefined
  #log = ''
  #databases = 0

  constructor(
    bin: string,
    dir: string,
    port: number,
    passwords: Readonly<Record<string, string>>,
    { smallDisk, tls = false }: ServerOptions = {},
  ) {
    this.#bin = bin
    this.#smallDisk = smallDisk
    this.#tls = tls
    this.dir = dir
    this.port = port
    this.#passwords = passwords
  }

  get log(): string {
    return this.#log
  }

  get pid(): number {
    return this.#process?.pid ?? assert.fail('the server does not run')
  }

  /** Resolves when it takes connections; crash recovery included. */
  async start(): Promise<void> {
    const [program, args] = asServerUser(join(this.#bin, 'postgres'), this.#arguments())
    const command = this.#smallDisk === undefined ? [program, ...args] : this.#mounted([program, ...args])
    const child = spawn(command[0] ?? '', command.slice(1), {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' },
      cwd: this.dir,
    })
    this.#process = child
    const ready = new Promise<void>((resolve, reject) => {
      let sent = ''
      child.stderr?.on('data', (data: Buffer) => {
        sent += data.toString()
        this.#log = (this.#log + data.toString()).slice(-200_000)
        if (sent.includes('database system is ready to accept connections')) resolve()
      })
      child.once('exit', () => reject(new Error(`postgres ended at once:\n${this.#log}`)))
      child.once('error', reject)
    })
    await ready
  }

  /** `fast` ends sessions and writes a checkpoint, `immediate` is a crash. */
  async stop(how: 'fast' | 'immediate' = 'fast'): Promise<void> {
    const child = this.#process
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT')
    await gone
    this.#process = undefined
  }

  /** A database of the current schema, whose owner is ours. */
  async database(tablespace = 'pg_default'): Promise<string> {
    const name = `t_${this.#databases++}`
    await this.admin(
      `CREATE DATABASE ${name} OWNER ${ROLES.owner} TEMPLATE ${TEMPLATE} TABLESPACE ${tablespace}`,
    )
    return name
  }

  /** A database without tables. */
  async emptyDatabase(): Promise<string> {
    const name = `t_${this.#databases++}`
    await this.admin(`CREATE DATABASE ${name} OWNER ${ROLES.owner} TEMPLATE template0`)
    return name
  }

  config(database: string, more: Partial<PostgresConfig> = {}): PostgresConfig {
    const role = (user: string) => ({ user, passwordFile: join(this.dir, `${user}.password`) })
    return {
      host: '127.0.0.1',
      port: this.port,
      database,
      tls: { mode: 'off' },
      roles: { app: role(ROLES.app), sweep: role(ROLES.sweep), owner: role(ROLES.owner) },
      poolMax: 4,
      connectTimeoutMs: 10_000,
      statementTimeoutMs: 30_000,
      outcomeTimeoutMs: 30_000,
      rewriteMaxBytes: 1024 * 1024 * 1024,
      ...more,
    }
  }

  /** How a role connects; the superuser is `postgres`. */
  connection(user: string, database = 'postgres'): pg.ClientConfig {
    const password = this.#passwords[user] ?? assert.fail(`no role ${user}`)
    return { host: this.dir, port: this.port, database, user, password, ssl: false }
  }

  /** One statement of the superuser, in `postgres` or in this database. */
  async admin(sql: string, database?: string, values: unknown[] = []): Promise<pg.QueryResult> {
    return asOwner(this.connection('postgres', database), (client) => client.query(sql, values))
  }

  /** A connection that is open until the test ends. */
  async client(t: TestContext, user: string, database: string): Promise<pg.Client> {
    const client = new pg.Client(this.connection(user, database))
    client.on('error', () => undefined)
    await client.connect()
    t.after(() => client.end())
    return client
  }

  /** Cluster, roles and the template of all databases, as the how-to has an operator do it. */
  async prepare(log: Parameters<typeof migrate>[0]): Promise<void> {
    await mkdir(join(this.dir, 'data'), { mode: 0o700 })
    const passwordFile = join(this.dir, 'postgres.password')
    for (const [user, password] of Object.entries(this.#passwords)) {
      await writeFile(join(this.dir, `${user}.password`), `${password}\n`, { mode: 0o600 })
    }
    await giveToServer([this.dir, join(this.dir, 'data'), passwordFile])
    // ICU sorts otherwise than by bytes: the tables' own collation is what must decide.
    const initdb = ['-D', join(this.dir, 'data'), '-U', 'postgres', '--pwfile', passwordFile, '--no-sync']
    const locale = ['-A', 'scram-sha-256', '-E', 'UTF8', '--locale=C.UTF-8', '--locale-provider=icu']
    run(...asServerUser(join(this.#bin, 'initdb'), [...initdb, ...locale, '--icu-locale=und']))
    if (this.#tls) await this.#makeCertificate()
    await this.start()
    const {
      owner = '',
      app = '',
      sweep = '',
    } = Object.fromEntries(Object.entries(ROLES).map(([role, user]) => [role, this.#passwords[user]]))
    const sql = provisionSql({ database: TEMPLATE, roles: ROLES, passwords: { owner, app, sweep } })
    this.psql(sql)
    await migrate(log, this.connection(ROLES.owner, TEMPLATE), ROLES)
    if (this.#smallDisk !== undefined) {
      await this.admin(`CREATE TABLESPACE small LOCATION '${join(this.dir, 'small')}'`)
    }
  }

  async #makeCertificate(): Promise<void> {
    const [key, certificate] = [join(this.dir, 'server.key'), join(this.dir, 'server.crt')]
    const subject = ['-subj', '/CN=test', '-addext', 'subjectAltName=DNS:localhost']
    const files = ['-keyout', key, '-out', certificate]
    run('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, ...files])
    await giveToServer([key, certificate])
  }

  /** A script of the superuser, as an administrator runs it. */
  psql(script: string): void {
    run(join(this.#bin, 'psql'), ['-X', '-v', 'ON_ERROR_STOP=1', '-h', this.dir, '-p', String(this.port)], {
      input: script,
      env: { PATH: process.env.PATH ?? '', PGUSER: 'postgres', PGPASSWORD: this.#passwords.postgres ?? '' },
    })
  }

  /** A mount namespace of its own gives a small disk that vanishes with the process. */
  #mounted(command: readonly string[]): string[] {
    const user = serverUser()
    const options = `size=${this.#smallDisk},mode=700,uid=${user?.uid ?? 0},gid=${user?.gid ?? 0}`
    const script = 'mkdir -p "$1" && mount -t tmpfs -o "$0" none "$1" && shift && exec "$@"'
    return ['unshare', '--mount', 'sh', '-c', script, options, join(this.dir, 'small'), ...command]
  }

  #arguments(): string[] {
    const settings = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: this.dir,
      max_connections: '60',
      shared_buffers: '32MB',
      // Compaction and recovery are under test, not the time between checkpoints.
      max_wal_size: '256MB',
      log_min_messages: 'warning',
    }
    const tls = {
      ssl: 'on',
      ssl_cert_file: join(this.dir, 'server.crt'),
      ssl_key_file: join(this.dir, 'server.key'),
    }
    const flags = Object.entries(this.#tls ? { ...settings, ...tls } : settings).flatMap(([name, value]) => [
      '-c',
      `${name}=${value}`,
    ])
    return ['-D', join(this.dir, 'data'), '-p', String(this.port), ...flags]
  }
}

/** Where the programs of the newest installed version lie. */
export function postgresBin(): string | undefined {
  const versions = existsSync(INSTALLED) ? readdirSync(INSTALLED) : []
  return versions
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(INSTALLED, version, 'bin'))
    .find((bin) => existsSync(join(bin, 'initdb')))
}

/** A server that runs; whoever starts it ends it with `removeServer`. */
export async function startServer(
  log: Parameters<typeof migrate>[0],
  options: ServerOptions = {},
): Promise<TestServer> {
  const bin = postgresBin() ?? assert.fail('there is no PostgreSQL')
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-pg-'))
  const users = ['postgres', ...Object.values(ROLES)]
  const passwords = Object.fromEntries(users.map((user) => [user, randomBytes(12).toString('hex')]))
  const server = new TestServer(bin, dir, await freePort(), passwords, options)
  try {
    await server.prepare(log)
    return server
  } catch (thrown) {
    await removeServer(server)
    throw thrown
  }
}

export async function removeServer(server: TestServer): Promise<void> {
  await server.stop('immediate')
  await rm(server.dir, { recursive: true, force: true })
}

/** Whether a server can have a small disk: mounting wants root, and PostgreSQL another user. */
export function mayMount(): boolean {
  if (postgresBin() === undefined || serverUser() === undefined) return false
  return spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0
}

/** initdb and postgres refuse to run as root; and the server ends with the test process, however that ends. */
function asServerUser(program: string, args: readonly string[]): [string, string[]] {
  const user = serverUser()
  const as = user ? [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'] : []
  return ['setpriv', ['--pdeathsig=QUIT', ...as, program, ...args]]
}

function serverUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const idOf = (flag: string) => Number(spawnSync('id', [flag, 'postgres']).stdout.toString())
  return { uid: idOf('-u'), gid: idOf('-g') }
}

async function giveToServer(paths: readonly string[]): Promise<void> {
  const user = serverUser()
  if (user) for (const path of paths) await chown(path, user.uid, user.gid)
}

function run(
  program: string,
  args: readonly string[],
  options: { readonly input?: string; readonly env?: Record<string, string> } = {},
): void {
  const { status, stderr, error } = spawnSync(program, args, { ...options, encoding: 'utf8' })
  assert.equal(status, 0, `${program}: ${stderr ?? ''}${error ?? ''}`)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : assert.fail('no port')
}
