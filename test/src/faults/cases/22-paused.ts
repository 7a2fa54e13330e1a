import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { edgeCommand } from '../../support/installation.js'
import type { Case } from '../runner/case.js'
import { figuresOf, QUICK_LINK } from '../station.js'

export const paused: Case = {
  number: 22,
  title:
    'edge, then center, paused for longer than a link lives: the stale link is fenced, nothing is done twice',
  needs: [],
  timeoutMs: [180_000, 600_000],
  async run(context) {
    const pauseMs = context.pick(6_000, 60_000)
    const centerEnv = context.pick<Readonly<Record<string, string>>>(QUICK_LINK, {})
    const { all, edge, load: people, judge, status } = await context.station({ centerEnv })
    const load = await people()
    load.begin()
    await load.until(() => load.acked > 50, context.signal)
    const { link: first } = await status()
    const generations = [first.generation ?? 0]
    const programs = [
      ['edge', edge.child.process],
      ['center', all.center.process],
    ] as const
    for (const [name, stopped] of programs) {
      context.say(`the ${name} is paused`)
      stopped.kill('SIGSTOP')
      // A process that is not continued could not be ended.
      context.after(() => stopped.kill('SIGCONT'))
      await pause(pauseMs)
      stopped.kill('SIGCONT')
      context.say(`the ${name} goes on`)
      const acked = load.acked
      await load.until(() => load.acked > acked + 50, context.signal)
      context.say('messages are acknowledged again')
      await edgeCommand(edge, 'status', '--wait-link', 'ready')
      generations.push((await status()).link.generation ?? 0)
    }
    context.say('a new link is ready')
    const verdict = await judge(load)
    assert.deepEqual(
      generations,
      [...new Set(generations)].sort((a, b) => a - b),
      'a link that was paused for so long must not go on as the same one',
    )
    return { pauseMs, ...figuresOf(verdict), generations: generations.join(' → ') }
  },
}
