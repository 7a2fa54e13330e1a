import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { YizhanError } from '@yizhan/kernel'

/** What nlp.js made of a set's val rows; shares in 0..1, times in microseconds. */
export interface PeerFigures {
  readonly accuracyClosed: number
  readonly oosRecall: number | null
  readonly trainSeconds: number
  readonly times: readonly number[]
  readonly bytes: number
}

const PEERS = fileURLToPath(new URL('../../bench-peers/', import.meta.url))

/** Installs the peers where they are not yet, and runs nlp.js on a set in a process of its own. */
export async function runNlpJs(path: string, language: string): Promise<PeerFigures> {
  if (!existsSync(join(PEERS, 'node_modules'))) {
    await output(process.platform === 'win32' ? 'npm.cmd' : 'npm', ['ci', '--ignore-scripts', '--no-audit'])
  }
  const printed = await output(process.execPath, [join(PEERS, 'nlp.mjs'), path, language])
  // It prints words of its own before.
  return JSON.parse(printed.trim().split('\n').at(-1) ?? '')
}

async function output(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { cwd: PEERS, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const printed = await text(child.stdout)
  if ((await ended) === 0) return printed
  throw new YizhanError('failed_precondition', `${command} ${args[0]} did not succeed; its words are above`)
}
