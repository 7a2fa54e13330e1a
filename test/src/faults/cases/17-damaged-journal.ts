import assert from 'node:assert/strict'
import { check } from '../checker.js'
import { flipBit, quarantined, ruinHeads, tearTail } from '../journal-damage.js'
import type { Load } from '../load.js'
import type { Case } from '../runner/case.js'
import { figuresOf, type Station, stands } from '../station.js'

const TURNS = 200

/** People ask for a while, and all is answered. */
async function quiet({ load: people }: Station, signal: AbortSignal): Promise<Load> {
  const load = await people()
  load.begin()
  await load.until(() => load.acked >= TURNS, signal)
  load.pause()
  await load.settled(signal)
  return load
}

export const bitFlip: Case = {
  number: 17,
  title: 'a bit of the journal flips: found, counted, told, and nothing that was done is done again',
  needs: [],
  timeoutMs: [300_000, 1_800_000],
  async run(context) {
    const flips = context.pick(3, 40)
    const station = await context.station()
    const { edge, engine, status } = station
    const figures = { flips, lostRecords: 0, doneAgain: 0, redelivered: 0, answeredBefore: 0 }
    const load = await station.load()
    for (let i = 0; i < flips; i++) {
      // One that stays open from before, so that everything after it is read at the start.
      engine.hang('first')
      const held = engine.next()
      await load.ask('heavy')
      await held
      engine.letOthersThrough()
      const others = await station.load({ persons: 2, heavy: 0.5 })
      others.begin()
      await others.until(() => others.acked >= TURNS / 4, context.signal)
      others.pause()
      await others.settled(context.signal)
      const runs = engine.runs.length
      await edge.child.end('SIGKILL')
      await flipBit(edge.state, context.random)
      await edge.start()
      const { journal } = await status()
      context.say(`flip ${i + 1}: ${journal.lostRecords} records are lost`)
      // Counted from the oldest open turn on, so what earlier flips have cost is in it.
      assert.ok(journal.lostRecords > figures.lostRecords, 'the flip went unseen')
      assert.match(edge.child.log, /the journal has lost records/, 'nobody was alarmed')
      figures.lostRecords = journal.lostRecords
      engine.goOn()
      const id = await others.ask('local')
      await others.until(() => others.hasFinal(id), context.signal)
      const verdict = check(others.log, await station.visible())
      stands(verdict)
      // A reply whose mark is lost may come again under its id; it must not be worked out again.
      figures.doneAgain += engine.runs
        .slice(runs)
        .filter(({ isForNotes, question }) => !isForNotes && others.wasAnswered(question.slice(1))).length
      figures.redelivered += verdict.redelivered
      figures.answeredBefore += verdict.answered
    }
    load.pause()
    // What may have lost a record of its own is not taken up again, but shown to a person.
    await load.settledWithin(10_000, context.signal)
    const verdict = check(load.log, await station.visible())
    stands(verdict)
    assert.equal(figures.doneAgain, 0, 'what was done was done again')
    return { ...figuresOf(verdict), ...figures }
  },
}

export const tornTail: Case = {
  number: 18,
  title: 'the last 100 bytes of the journal are torn off: nothing that was acknowledged is lost',
  needs: [],
  quick: true,
  async run(context) {
    const tears = context.pick(3, 20, 1)
    const station = await context.station()
    const { edge, status } = station
    const load = await quiet(station, context.signal)
    for (let i = 0; i < tears; i++) {
      const id = await load.ask(i % 2 === 0 ? 'local' : 'heavy')
      await load.until(() => load.hasFinal(id), context.signal)
      await edge.child.end('SIGKILL')
      await tearTail(edge.state, 100)
      await edge.start()
      assert.equal((await status()).journal.quarantined, null)
    }
    return { tears, ...figuresOf(await station.judge(load)) }
  },
}

export const ruinedHeads: Case = {
  number: 19,
  title: 'markers and headers of the journal are overwritten: moved aside, told, never a silent empty start',
  needs: [],
  async run(context) {
    const station = await context.station()
    const { edge, status } = station
    const load = await quiet(station, context.signal)
    const { journal: before } = await status()
    await edge.child.end('SIGKILL')
    const files = await ruinHeads(edge.state)
    await edge.start()
    const { journal: after } = await status()
    assert.notEqual(after.epoch, before.epoch, 'a journal that is not the old one must not pass for it')
    assert.ok(after.quarantined, 'the status does not say that it was moved aside')
    assert.match(edge.child.log, /could not be read/, 'nobody was alarmed')
    assert.ok((await quarantined(edge.state)).length > 0, 'what could not be read is gone')
    const id = await load.ask('heavy')
    await load.until(() => load.hasFinal(id), context.signal)
    return { files, ...figuresOf(await station.judge(load)) }
  },
}
