import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { root } from '../support/installation.js'
import { type DocStep, patternOf } from './doc-page.js'

// What a reader types stays as it is; where things stand and on which ports is the test's own. `npm run` looks whether
// anything has to be built, seconds each time: that is left out where a page has many commands.
const NPM = `#!/bin/sh
via() {
  name=$1 bin=$2; shift 2
  [ -n "$READER_HURRIES" ] && exec node "$bin" "$@"
  exec "$REAL_NPM" run -s "$name" -- "$@"
}
case "$1 $2 $3 $4" in
  'run -s center --') shift 4; via center center/bin/yizhan-center.js --state "$READER_STATE/center" "$@" ;;
  'run -s edge --') shift 4; via edge edge-agent/bin/yizhan-edge.js --state "$READER_STATE/edge" "$@" ;;
  'run -s chat --') shift 4
    [ -n "$READER_HURRIES" ] && set -- chat "$@"
    via chat edge-agent/bin/yizhan-edge.js "$@" --mqtt "$(cat "$READER_STATE/mqtt")" ;;
esac
case "$1" in
  start) shift; [ "$1" = -- ] && shift
    exec "$REAL_NPM" start --silent -- --state "$READER_STATE" --json --chat-port 0 --mqtt-port 0 --center-port 0 --api-port 0 "$@" ;;
esac
echo "the reader of this page has no way to run: npm $*" >&2
exit 64
`

interface ReaderKind {
  readonly lang: 'zh' | 'en'
  /** Leaves npm out of what is not `npm start`. */
  readonly hurries: boolean
}

/** Somebody who follows a page in a checkout, with a home directory, a state and ports of their own. */
export class Reader {
  readonly home: string
  readonly #env: NodeJS.ProcessEnv
  #started: ChildProcess | undefined
  #shown = ''

  private constructor(home: string, env: NodeJS.ProcessEnv) {
    this.home = home
    this.#env = env
  }

  /** Everything that the reader has started and written ends with the test. */
  static async sitDown(t: TestContext, { lang, hurries }: ReaderKind): Promise<Reader> {
    const home = await mkdtemp(join(tmpdir(), 'yz-reader-'))
    const bin = join(home, '.bin')
    const state = join(home, '.state')
    await mkdir(bin)
    await mkdir(state)
    await writeFile(join(bin, 'npm'), NPM)
    await chmod(join(bin, 'npm'), 0o755)
    const npm = spawnSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).stdout.trim()
    const { NO_COLOR: _, FORCE_COLOR: __, ...inherited } = process.env
    const reader = new Reader(home, {
      ...inherited,
      HOME: home,
      PATH: `${bin}:${process.env.PATH}`,
      REAL_NPM: npm,
      READER_STATE: state,
      READER_HURRIES: hurries ? '1' : '',
      YIZHAN_LANG: lang,
      NO_COLOR: '1',
    })
    t.after(() => reader.#leave())
    return reader
  }

  async follow(file: string, step: DocStep): Promise<void> {
    const at = `${file}:${step.line}`
    switch (step.do) {
      case 'run':
        return this.#run(at, step.script)
      case 'start':
        return this.#start(at, step.script)
      case 'write':
        return this.#write(step.path, step.text)
      case 'see':
        for (const line of step.lines) assert.match(this.#shown, patternOf(line), at)
        return
      default:
        return step satisfies never
    }
  }

  async #run(at: string, script: string): Promise<void> {
    const child = this.#bash(script)
    const [code] = (await once(child, 'close')) as [number | null]
    assert.equal(code, 0, `${at}:\n${script}\n${this.#shown}`)
  }

  /** Ready when the program says so on its standard output. */
  async #start(at: string, script: string): Promise<void> {
    await this.#stop()
    const child = this.#bash(script)
    this.#started = child
    const ready = new Promise<string>((resolve) => {
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
        if (line.startsWith('{"ready":true')) resolve(line)
      })
    })
    const ended = once(child, 'close').then(() => assert.fail(`${at}: ended\n${this.#shown}`))
    ended.catch(() => undefined)
    const { mqtt } = JSON.parse(await Promise.race([ready, ended])) as { mqtt: string }
    await writeFile(join(this.home, '.state', 'mqtt'), mqtt)
  }

  async #write(path: string, text: string): Promise<void> {
    assert.match(path, /^~\//, 'a page writes below the reader’s home only')
    const file = join(this.home, path.slice(2))
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
  }

  #bash(script: string): ChildProcess {
    this.#shown = ''
    const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: root,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const show = (data: Buffer) => {
      this.#shown += data.toString()
    }
    child.stdout?.on('data', show)
    child.stderr?.on('data', show)
    return child
  }

  async #stop(): Promise<void> {
    const child = this.#started
    this.#started = undefined
    if (child?.pid === undefined || child.exitCode !== null) return
    const gone = once(child, 'close')
    process.kill(-child.pid, 'SIGTERM')
    await gone
  }

  async #leave(): Promise<void> {
    await this.#stop()
    await rm(this.home, { recursive: true, force: true, maxRetries: 3 })
  }
}
