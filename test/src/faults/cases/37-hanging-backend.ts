import assert from 'node:assert/strict'
import { ChatClient } from '../../support/chat-client.js'
import { admissionIsFree, secondsSince } from '../network/line-station.js'
import type { Case } from '../runner/case.js'
import { figuresOf } from '../station.js'
import { STUB_MODEL } from '../stub-engine.js'

const HEAVY = '出差住宿标准是多少？'

/** An engine that takes a request and then says nothing, or stops in the middle of an answer. */
export const hangingBackend: Case = {
  number: 37,
  title: 'backend hangs before the first token, and between tokens',
  needs: [],
  async run(context) {
    const station = await context.station({
      centerEnv: {
        YIZHAN_INFERENCE__LLM__FIRST_TOKEN_MS: context.pick('1000', '60000'),
        YIZHAN_INFERENCE__LLM__BETWEEN_TOKENS_MS: context.pick('1000', '30000'),
      },
    })
    const { all, edge, engine, load: people, judge } = station
    const load = await people()
    const li = await ChatClient.connect(edge.mqtt, 'acme')
    context.after(() => li.end())

    engine.hang('first')
    const askedFirst = performance.now()
    const other = await li.ask(HEAVY)
    const nextBackendS = secondsSince(askedFirst)
    assert.equal(other.answeredBy, 'center')
    assert.notEqual(other.model, STUB_MODEL, 'another backend had to answer')
    assert.equal(await engine.runs.at(-1)?.ended, false, 'the engine that hung was left running')
    await admissionIsFree(all.api, context.signal)
    engine.goOn()

    engine.hang('between')
    const askedBetween = performance.now()
    const id = await li.say(HEAVY)
    const end = await li.final(id)
    const clearEndS = secondsSince(askedBetween)
    const attempts = new Set(li.deltasOf(id).map(({ attempt }) => attempt))
    assert.ok(attempts.size > 1, 'the answer had begun, and another backend began it anew')
    assert.notEqual(end.model, STUB_MODEL, 'half an answer was sold as a whole one')
    assert.equal(end.text.includes('1/'), false, 'a piece of what was void stayed')
    assert.equal(await engine.runs.at(-1)?.ended, false)
    await admissionIsFree(all.api, context.signal)
    engine.goOn()

    // Everybody else goes on as if nothing had been.
    load.beginAt(20)
    await load.until(() => load.answers >= 40, context.signal)
    return { nextBackendS, clearEndS, finish: String(end.finish), ...figuresOf(await judge(load)) }
  },
}
