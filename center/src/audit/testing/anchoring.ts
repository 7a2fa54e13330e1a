import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { createLogger, createMetrics, createOutbound, type ManualClock } from '@yizhan/kernel'
import { anchorInLine, anchorKeys, checkAnchor } from '../anchor.js'
import type { AnchorConfig, AnchorTargetConfig } from '../anchor-config.js'
import { type AnchoringDeps, startAnchoring } from '../anchoring.js'
import { Inbox } from './receivers.js'
import { type Stand, scratch } from './stand.js'

export const MINUTE = 60_000
export const LOOK_MS = 30_000
export const SECRET = 'a secret of the webhook'

/** The moment at which so many wait for the clock, then so much later. */
export async function later(clock: ManualClock, ms: number, waiting = 1): Promise<void> {
  while (clock.pending < waiting) await setImmediate()
  clock.advance(ms)
}

/** An anchoring beside a storage, stopped with the test; `told` has its log. */
export async function anchoring(
  t: TestContext,
  s: Stand,
  to: readonly AnchorTargetConfig[],
  more: Partial<AnchorConfig> & { readonly deps?: Partial<AnchoringDeps> } = {},
) {
  const outbound = createOutbound()
  const metrics = createMetrics()
  const told = new Inbox<Record<string, unknown>>()
  const log = createLogger({
    name: 'test',
    level: 'info',
    destination: { write: (line: string) => told.put(JSON.parse(line)) },
  })
  const { deps = {}, ...config } = more
  const running = await startAnchoring(
    {
      tenants: () => s.upkeep.tenantIds(),
      head: (tenant) => s.store.head(tenant),
      system: s.system,
      signer: s.signer,
      fetch: outbound.fetch,
      clock: s.clock,
      log,
      metrics,
      hostname: 'center 1',
      random: () => 1,
      ...deps,
    },
    { entries: 3, everyMs: 15 * MINUTE, to: [...to], ...config },
  )
  let stopped = false
  const stop = async () => {
    stopped = true
    await running.stop('the test says so')
    await running.done
    await outbound.close()
  }
  t.after(async () => {
    if (!stopped) await stop()
  })
  const metric = async (name: string) => {
    const line = (await metrics.render()).split('\n').find((one) => one.startsWith(name))
    return line === undefined ? undefined : Number(line.split(' ').at(-1))
  }
  /** Once every target has what there is. */
  const delivered = async () => {
    const waits = /^yizhan_audit_anchors_waiting\{.*\} [1-9]/m
    while (waits.test(await metrics.render())) await setImmediate()
  }
  return {
    anchors: running.anchors.bind(running),
    anchorNow: running.anchorNow.bind(running),
    stop,
    told,
    metric,
    delivered,
  }
}

export function secretFile(t: TestContext): string {
  const path = join(scratch(t), 'secret')
  writeFileSync(path, `${SECRET}\n`, { mode: 0o600 })
  return path
}

export function anchorOf(s: Stand, text: string) {
  const anchor = anchorInLine(text)
  assert.ok(anchor, text)
  assert.equal(checkAnchor(anchor, anchorKeys(s.signer.publicKeys)), 'valid')
  return anchor
}

export function anchorsIn(s: Stand, path: string): number[] {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .flatMap((line) => (line.startsWith('{"hash') && line.endsWith('}') ? [anchorOf(s, line).sequence] : []))
}
