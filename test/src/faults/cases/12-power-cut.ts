import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Case } from '../runner/case.js'
import { filesUnder } from '../state-files.js'
import { figuresOf } from '../station.js'
import { tracing, WrittenTrace } from '../written-trace.js'

export const powerCut: Case = {
  number: 12,
  title: 'power cut: every file of the edge ends where its last sync was',
  needs: ['strace'],
  async run(context) {
    const cuts = context.pick(4, 20)
    const { edge, load: people, judge } = await context.station()
    const load = await people()
    const figures = { cuts, syncs: 0, bytesCut: 0, filesCut: 0 }
    for (let i = 0; i < cuts; i++) {
      await edge.child.end('SIGKILL')
      const sizes = await filesUnder(edge.state)
      const file = join(context.dir, `trace-${i}`)
      await edge.start({}, tracing(file))
      load.begin()
      const enough = load.acked + 40 + Math.floor(context.random() * 80)
      await load.until(() => load.acked >= enough, context.signal)
      await edge.child.end('SIGKILL')
      // strace writes the end of a thread when it has written all before it.
      const trace = await readFile(file, 'utf8')
      const written = new WrittenTrace(trace, sizes)
      assert.ok(written.syncs > 0, 'the trace shows no sync')
      const { bytesCut, filesCut } = await written.cutPower((path) => path.startsWith(edge.state))
      figures.syncs += written.syncs
      figures.bytesCut += bytesCut
      figures.filesCut += filesCut
      await edge.start()
      load.pause()
      // What does not come now is for the verdict.
      if (!(await load.settledWithin(30_000, context.signal))) break
    }
    return { ...figures, ...figuresOf(await judge(load)) }
  },
}
