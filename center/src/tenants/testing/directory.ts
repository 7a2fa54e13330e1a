import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CliLanguage } from '@yizhan/kernel'
import { type Problem, problemPlace } from '../problem.js'
import { type ReadTenant, readTenant, type TenantSource } from '../source.js'

/** For tests: a fitting directory of the tenant acme. */
export const TENANT = 'apiVersion: yizhan/v1\ntenant: acme\nname: {zh: 安科, en: Acme}\nlanguages: [zh, en]\n'
export const INTENT = 'it.vpn:\n  ask: |\n    怎么连 VPN\n    How do I connect?\n  reply: {zh: 好, en: OK}\n'

/** Files in place of those of the fitting directory; undefined takes one away. */
export type Changes = Readonly<Record<string, string | Uint8Array | undefined>>

/** What is wrong, the directory, and every line that is told of it, in order. */
export type Wrong = readonly (readonly [string, Changes, readonly string[]])[]

export async function read(changes: Changes): Promise<ReadTenant> {
  const entries = Object.entries({ 'tenant.yaml': TENANT, 'intents/it.yaml': INTENT, ...changes })
  return await readTenant(
    new Map(
      entries.flatMap(([path, text]) => (text === undefined ? [] : [[path, Buffer.from(text)] as const])),
    ),
  )
}

export async function problemsOf(changes: Changes): Promise<readonly Problem[]> {
  const result = await read(changes)
  assert.ok('problems' in result, 'the directory was taken')
  return result.problems
}

export async function sourceOf(changes: Changes): Promise<TenantSource> {
  const result = await read(changes)
  assert.ok('source' in result, 'problems' in result ? linesOf(result.problems).join('\n') : '')
  return result.source
}

/** As the command line shows them. */
export function linesOf(problems: readonly Problem[], language: CliLanguage = 'en'): string[] {
  return problems.map((p) => `${problemPlace(p)} ${p.path === '' ? '' : `${p.path}: `}${p.message[language]}`)
}

export function testRefusals(wrong: Wrong): void {
  for (const [what, changes, expected] of wrong) {
    test(`refused with its place and nothing else: ${what}`, async () => {
      assert.deepEqual(linesOf(await problemsOf(changes)), expected)
    })
  }
}
