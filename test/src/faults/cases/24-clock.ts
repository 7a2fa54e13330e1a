import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { edgeCommand } from '../../support/installation.js'
import type { Case } from '../runner/case.js'
import { PRELOADS } from '../runner/needs.js'
import { figuresOf } from '../station.js'

const WAITING = 10
const DAY_MS = 86_400_000
const SETTLE_MS = 2_500

export const clockJumps: Case = {
  number: 24,
  title: 'the clock jumps by 10 days, ahead and back, also over a restart: nothing expires early',
  needs: ['faketime'],
  async run(context) {
    const clock = join(context.dir, 'clock')
    const setClock = async (offset: string) => {
      await writeFile(clock, `${offset}\n`)
      // The library looks at the file once a second.
      await pause(SETTLE_MS)
    }
    const fake = {
      LD_PRELOAD: PRELOADS.faketime,
      FAKETIME_TIMESTAMP_FILE: clock,
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_CACHE_DURATION: '1',
      // A day is the default; ten must not pass for it.
      YIZHAN_TURNS__WAITING_TTL_MS: '86400000',
    }
    const { edge, load: people, judge, status, visible } = await context.station()
    await edge.child.end()
    await writeFile(clock, '+0\n')
    await edge.start(fake)
    await edgeCommand(edge, 'status', '--wait-link', 'ready')
    const load = await people()
    edge.proxy.cut()
    await edgeCommand(edge, 'status', '--wait-link', 'down')
    const waiting = await Promise.all(Array.from({ length: WAITING }, () => load.ask('heavy')))
    let early = 0
    const look = async (days: number) => {
      early = Math.max(early, WAITING - (await status()).turns.waitingForCenter)
      const id = await load.ask('local')
      await load.until(() => load.hasFinal(id), context.signal)
      const row = (await visible()).find(({ platformId }) => platformId.endsWith(`/${id}`))
      const shiftedDays = (Date.parse(row?.receivedAt ?? '') - Date.now()) / DAY_MS
      assert.ok(Math.abs(shiftedDays - days) < 0.1, `the clock of the edge is off by ${shiftedDays} days`)
    }
    for (const days of [10, -10]) {
      await setClock(`${days > 0 ? '+' : ''}${days}d`)
      await look(days)
      await edge.child.end('SIGKILL')
      await edge.start(fake)
      await look(days)
    }
    await setClock('+0')
    assert.ok(waiting.every((id) => !load.hasFinal(id)))
    edge.proxy.restore()
    const verdict = await judge(load)
    assert.equal(early, 0, `${early} turns expired early`)
    assert.equal(verdict.answered, verdict.acked)
    const unanswered = waiting.filter((id) => !load.wasAnswered(id)).length
    assert.equal(unanswered, 0, 'a turn that waited got no answer of the center')
    return { early, ...figuresOf(verdict) }
  },
}
