// Brings a checkout to the point where its programs run: Node's version, packages, build. Only Node's own modules,
// since it runs before anything is installed.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundlePrograms } from './bundling/bundle.mjs'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const NEEDED_NODE = [20, 19]

/** Runs a program; resolves with its exit code, rejects if it cannot be started. Its output goes to our stderr. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['inherit', 2, 2], ...options })
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(signal ? 128 : (code ?? 1)))
  })
}

function say(text) {
  process.stderr.write(`${text}\n`)
}

function fail(text) {
  say(text)
  process.exit(1)
}

function megabytes(dir) {
  let bytes = 0
  const stack = [dir]
  while (stack.length > 0) {
    const at = stack.pop()
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const path = join(at, entry.name)
      if (entry.isDirectory()) stack.push(path)
      else if (entry.isFile()) bytes += statSync(path).size
    }
  }
  return Math.round(bytes / 1_000_000)
}

function lockDigest() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
}

async function install() {
  const modules = join(root, 'node_modules')
  const stamp = join(modules, '.yizhan-lock')
  const digest = lockDigest()
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return
  say('installing packages (npm ci, about 720 MB on disk, once) …')
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const code = await run(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  if (code !== 0)
    fail('npm ci failed; its words are above. Needed: the npm registry, or a mirror set in your .npmrc.')
  writeFileSync(stamp, digest)
  say(`installed ${megabytes(modules)} MB into node_modules`)
}

async function build() {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  mkdirSync(join(root, '.yizhan'), { recursive: true, mode: 0o700 })
  const first = !existsSync(join(root, 'center', 'bundle', 'current.js'))
  if (first) say('building …')
  const code = await run(process.execPath, [tsc, '--build'])
  if (code !== 0) fail('the build failed; the compiler’s words are above')
  await bundlePrograms().catch((thrown) => fail(`the build failed: ${thrown.message}`))
  if (first) say('built')
}

/** Everything that a fresh clone lacks, each step told on stderr; quick when nothing is missing. */
export async function setUp() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const [wantMajor = 0, wantMinor = 0] = NEEDED_NODE
  if (major < wantMajor || (major === wantMajor && minor < wantMinor)) {
    fail(`Node ${NEEDED_NODE.join('.')} or newer is needed; this is ${process.versions.node}`)
  }
  await install()
  await build()
}
