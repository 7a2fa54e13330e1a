import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { type CliIo, type ProgramHost, runCli } from '@yizhan/kernel'
import type { Command } from 'commander'
import type { CenterCall } from '../center-call.js'
import { intentCommands } from '../intents/index.js'
import { messageCommands } from '../messages.js'
import { tenantCommands } from '../tenant/index.js'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly body: unknown
}

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
  /** What the center was asked, in order. */
  readonly asked: readonly Asked[]
}

interface RunOptions {
  /** What the center answers, or throws. */
  readonly answer?: (asked: Asked) => unknown
  readonly tty?: boolean
}

/** For tests: one command line of tenants, messages and intents against a center that is made up. */
export async function runLine(words: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const text = { out: '', err: '' }
  const asked: Asked[] = []
  const sink = (name: 'out' | 'err') => ({
    isTTY: options.tty ?? false,
    write: (chunk: string) => {
      text[name] += chunk
    },
  })
  const call: CenterCall = async <T>(_command: Command, method: string, path: string, body?: unknown) => {
    const question = { method, path, body }
    asked.push(question)
    const { answer = () => assert.fail(`nobody shall be asked: ${method} ${path}`) } = options
    return (await answer(question)) as T
  }
  const [stdout, stderr] = [sink('out'), sink('err')]
  const host: ProgramHost = {
    version: '0.0.0',
    stdin: new PassThrough(),
    stdout: process.stdout,
    stderr: process.stderr,
    onSignal: () => undefined,
  }
  const define = (program: Command, io: CliIo) => {
    tenantCommands(program, io, host, call)
    messageCommands(program, io, call)
    intentCommands(program, io, call)
  }
  const code = await runCli(
    { name: 'yizhan-center', version: '0.0.0', argv: words, env: {}, stdout, stderr },
    define,
  )
  return { code, ...text, asked }
}

/** The lines of a text that are JSON, as values. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

/** The first line of JSON as a value; there must be one. */
export function jsonOf(text: string): Record<string, unknown> {
  const [first] = jsonLines(text)
  assert.ok(first, 'no JSON was printed')
  return first
}
