import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Case } from '../runner/case.js'
import { PRELOADS } from '../runner/needs.js'
import { filesUnder } from '../state-files.js'
import { figuresOf } from '../station.js'
import { tracing, WrittenTrace } from '../written-trace.js'

const EIO = 5

/** What a failed sync did not cover is taken from the disk as well: an acknowledgement that came in spite of it shows as lost. */
export const syncFails: Case = {
  number: 16,
  title:
    'fsync fails with EIO: the edge ends, nothing is acknowledged that is not on disk, and it starts again',
  needs: ['fiu', 'strace'],
  async run(context) {
    const rounds = context.pick(3, 20)
    const { edge, load: people, judge } = await context.station()
    const load = await people()
    const figures = { rounds, bytesCut: 0, startMs: 0 }
    for (let i = 0; i < rounds; i++) {
      await edge.child.end('SIGKILL')
      const sizes = await filesUnder(edge.state)
      const traceFile = join(context.dir, `trace-${i}`)
      const control = join(context.dir, `fiu-${i}`)
      await edge.start({ LD_PRELOAD: PRELOADS.fiu, FIU_CTRL_FIFO: control }, tracing(traceFile))
      load.begin()
      const enough = load.acked + 20 + Math.floor(context.random() * 40)
      await load.until(() => load.acked >= enough, context.signal)
      const { process: edgeProcess } = edge.child
      const ended = once(edgeProcess, 'exit')
      for (const name of ['fsync', 'fdatasync']) {
        const command = `enable name=posix/io/sync/${name},failinfo=${EIO}`
        const told = spawnSync('fiu-ctrl', ['-f', control, '-c', command, String(edgeProcess.pid)], {
          timeout: 20_000,
        })
        assert.equal(told.status, 0, `fiu-ctrl: ${told.stderr}`)
      }
      const [code] = await ended
      assert.notEqual(code, 0, 'a process whose disk fails must not end as if all was well')
      assert.match(edge.child.log, /storage_failed|EIO/)
      const written = new WrittenTrace(await readFile(traceFile, 'utf8'), sizes)
      figures.bytesCut += (await written.cutPower((path) => path.startsWith(edge.state))).bytesCut
      const began = performance.now()
      await edge.start()
      figures.startMs = Math.max(figures.startMs, Math.round(performance.now() - began))
      load.pause()
      // What does not come now is for the verdict.
      if (!(await load.settledWithin(30_000, context.signal))) break
    }
    return { ...figures, ...figuresOf(await judge(load)) }
  },
}
