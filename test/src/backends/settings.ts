import assert from 'node:assert/strict'
import { BACKEND_KINDS, type KindParts, type OpenBackend } from '@yizhan/center/backends'
import { compileConfig, silentLogger, systemClock } from '@yizhan/kernel'
import type { Scope } from '../support/scope.js'
import { never } from './requests.js'

type Kinds = typeof BACKEND_KINDS

/** Opens a backend as a center does: its settings checked and filled up by the schema of its kind. */
export async function openBackend<K extends keyof Kinds>(
  scope: Scope,
  kind: K,
  given: Readonly<Record<string, unknown>>,
  parts: Partial<KindParts> = {},
): Promise<OpenBackend> {
  const { settings, open } = BACKEND_KINDS[kind]
  const checked = compileConfig(settings).check(given)
  assert.ok(checked.ok, JSON.stringify(!checked.ok && checked.problems))
  const opened = await open(
    { clock: systemClock, log: silentLogger(), ...parts },
    kind,
    checked.value as never,
    never(),
  )
  scope.after(() => opened.close())
  return opened
}
