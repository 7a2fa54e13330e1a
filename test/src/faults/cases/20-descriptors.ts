import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import type { Case } from '../runner/case.js'
import { figuresOf } from '../station.js'

const SPARE = 12
const TOO_MANY = 40

export const descriptorsExhausted: Case = {
  number: 20,
  title: 'no descriptor is left: the edge serves on, and takes connections again afterwards',
  needs: ['prlimit'],
  async run(context) {
    const { edge, load: people, judge } = await context.station()
    const load = await people()
    load.begin()
    const pid = String(edge.child.process.pid)
    const used = () => readdirSync(`/proc/${pid}/fd`).length
    const limit = (count: number) => {
      const { status, stderr } = spawnSync('prlimit', ['--pid', pid, `--nofile=${count}:`])
      assert.equal(status, 0, String(stderr))
    }
    const most = Math.max(...readdirSync(`/proc/${pid}/fd`).map(Number)) + SPARE
    limit(most)
    const port = Number(new URL(edge.mqtt).port)
    const greedy: Socket[] = []
    for (let wanted = most - used() + TOO_MANY; wanted > 0; wanted--) {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined)
      await Promise.race([once(socket, 'connect'), once(socket, 'close')])
      greedy.push(socket)
    }
    const underPressure = load.acked
    await load.until(() => load.acked >= underPressure + 200, context.signal)
    const atLimit = used()
    assert.ok(atLimit > most - SPARE / 2 && atLimit <= most, `${atLimit} of ${most} descriptors were used`)
    // A link that has to come back finds no descriptor either.
    edge.proxy.cut()
    edge.proxy.restore()
    await load.until(() => load.acked >= underPressure + 400, context.signal)
    for (const socket of greedy) socket.destroy()
    const newcomer = await people({ persons: 1 })
    const id = await newcomer.ask('heavy')
    await newcomer.until(() => newcomer.hasFinal(id), context.signal)
    assert.ok(edge.child.running)
    const verdict = await judge(load)
    return { limit: most, atLimit, ...figuresOf(verdict) }
  },
}
