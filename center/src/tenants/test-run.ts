import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Classifier, type Decision, type LanguageMap, OOS, type TenantFile } from '@yizhan/intent'
import type { Problem, Wording } from './problem.js'
import type { TenantSource } from './source.js'
import type { TenantTest } from './test-files.js'

/** A run of the model blocks this thread; between these many texts others get their turn. */
const AT_ONCE = 32

/**
 * Runs a tenant's `tests/` against a model before it goes live, with the decision that the edge takes while its link
 * is up: an accepted intent with an answer of its own is answered there, a near one is asked back, the rest goes to
 * the center. Gives the failed ones.
 */
export async function runTests(
  model: Classifier,
  source: TenantSource,
  signal: AbortSignal,
): Promise<Problem[]> {
  const failed: Problem[] = []
  for (let start = 0; start < source.tests.length; start += AT_ONCE) {
    signal.throwIfAborted()
    const tests = source.tests.slice(start, start + AT_ONCE)
    const decisions = await model.classifyAll(
      tests.map(({ say }) => say),
      source.file.operatingPoint,
    )
    for (const [i, test] of tests.entries()) {
      const decision = decisions[i]
      const wrong = decision && judge(test, decision, source.file)
      if (wrong) failed.push(test.at(wrong))
    }
    await nextTurn()
  }
  return failed
}

export type Way = 'edge' | 'center' | 'ask-back'

/** Who answers while the link is up, and the accepted intent. */
export function wayOf(
  { intent, score, match, accept }: Decision,
  { intents }: TenantFile,
): { readonly by: Way; readonly known: TenantFile['intents'][string] | undefined } {
  const isAccepted = intent !== OOS && (match === 'exact' || score >= accept)
  const known = isAccepted && Object.hasOwn(intents, intent) ? intents[intent] : undefined
  if (intent !== OOS && !isAccepted) return { by: 'ask-back', known }
  // Slots are asked for at the edge, whatever comes of them.
  const isLocal = known !== undefined && (known.reply.kind !== 'forward' || known.slots !== undefined)
  return { by: isLocal ? 'edge' : 'center', known }
}

function judge({ say, expect }: TenantTest, decision: Decision, file: TenantFile): Wording | undefined {
  const { intent, score, accept } = decision
  const { by, known } = wayOf(decision, file)
  const reply = known?.reply
  const isNear = by === 'ask-back'
  const got: Wording = {
    en: `“${say}” is ${isNear ? 'near ' : ''}${intent} (${score.toFixed(2)}, threshold ${accept.toFixed(2)}) and ${WAYS[by].en}`,
    zh: `“${say}”${isNear ? '接近' : '为'} ${intent}（${score.toFixed(2)}，阈值 ${accept.toFixed(2)}），${WAYS[by].zh}`,
  }
  const but = (en: string, zh: string): Wording => ({
    en: `${got.en}; expected ${en}`,
    zh: `${got.zh}；期望${zh}`,
  })
  if (expect.intent !== undefined && (isNear || expect.intent !== intent)) {
    return but(`intent ${expect.intent}`, `意图 ${expect.intent}`)
  }
  if (expect.by !== undefined && !(expect.by === by || (expect.by === 'not-edge' && by !== 'edge'))) {
    return but(`that it ${WAYS[expect.by].en}`, `${WAYS[expect.by].zh}`)
  }
  const { has, card } = expect
  if (card !== undefined && !(reply?.kind === 'card' && reply.card === card)) {
    return but(`the card ${card}`, `显示卡片 ${card}`)
  }
  if (has !== undefined && !textsOf(known, file).some((text) => text.includes(has))) {
    return but(`“${has}” in the reply`, `回复中有“${has}”`)
  }
  return undefined
}

/** What an intent says, in every language: of its slots, of its reply, and of its card. */
function textsOf(intent: TenantFile['intents'][string] | undefined, file: TenantFile): string[] {
  if (!intent) return []
  const { reply, slots = [] } = intent
  const maps: (LanguageMap | undefined)[] = slots.map(({ ask }) => ask)
  if (reply.kind === 'text') maps.push(reply.text)
  const card = reply.kind === 'card' ? file.cards?.[reply.card] : undefined
  if (card) {
    maps.push(card.title, card.text, ...card.facts.flatMap(({ name, value }) => [name, value]))
    maps.push(...card.buttons.map(({ label }) => label))
  }
  return maps.flatMap((map) => Object.values(map ?? {}))
}

const WAYS: Readonly<Record<Way | 'not-edge', Wording>> = {
  edge: { en: 'is answered by the edge', zh: '由边缘节点回答' },
  center: { en: 'goes to the center', zh: '转到中心' },
  'ask-back': { en: 'is asked back', zh: '会反问确认' },
  'not-edge': { en: 'is not answered at once', zh: '不会直接回答' },
}
