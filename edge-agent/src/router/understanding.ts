import type { LanguageMap } from '@yizhan/intent'
import { type Logger, type Metrics, toYizhanError, YizhanError } from '@yizhan/kernel'
import { create, MessageSchema } from '@yizhan/proto'
import type { Route, Turn } from '../ledger/index.js'
import type { SkillRegistry } from '../skills/index.js'
import type { SlotValues } from '../slots/index.js'
import type { LiveTenant } from '../tenants/index.js'
import { type Decision, decide, type Situation } from './decide.js'
import type { ForwardPlan } from './forward/index.js'
import type { Classification, Classifier } from './port.js'
import { targetOf } from './target.js'

export interface Asked {
  readonly turn: Turn
  readonly tenant: LiveTenant
  readonly language: string
  readonly question: string
  readonly chosen?: string
  readonly slots?: SlotValues
}

export interface Understood {
  readonly decision: Decision
  readonly route: Route
}

export interface Preview {
  readonly classification: Classification
  readonly decision: Decision
}

export interface UnderstandingDeps {
  readonly classifier: Classifier
  readonly skills: SkillRegistry
  readonly center: { readonly linkUp: boolean; hasRoom(turn: Pick<Turn, 'tenant' | 'message'>): boolean }
  readonly log: Logger
  readonly metrics: Metrics
}

const NOTHING: Omit<Classification, 'ms'> = {
  intent: 'oos',
  score: 0,
  match: 'model',
  top: [],
  accept: 1,
  askBack: 1,
}

/** What a text means and what is done with it: the local model, then `decide`. */
export class Understanding {
  readonly #deps: UnderstandingDeps
  readonly #decisions

  constructor(deps: UnderstandingDeps) {
    this.#deps = deps
    this.#decisions = deps.metrics.counter('yizhan_decisions_total', 'What was decided about texts', [
      'decision',
    ])
  }

  async of(asked: Asked, signal: AbortSignal): Promise<Understood> {
    const { tenant, turn, chosen } = asked
    const classification = chosen === undefined ? await this.#classify(asked, signal) : asChosen(chosen)
    const decision = this.#decided(tenant, turn.message, classification, {
      filled: asked.slots !== undefined,
      mayAskBack: chosen === undefined && asked.question === turn.message.text,
      ...forcedBy(turn),
    })
    this.#decisions.inc({ decision: decision.do })
    return { decision, route: routeOf(asked, classification, decision) }
  }

  /** What would be done with a text if somebody asked it now. Rejects if the model gives no answer. */
  async preview(tenant: LiveTenant, text: string, signal: AbortSignal): Promise<Preview> {
    const classification = await this.#deps.classifier.classify(tenant, text, signal)
    const decision = this.#decided(tenant, create(MessageSchema), classification, {
      filled: false,
      mayAskBack: true,
    })
    return { classification, decision }
  }

  #decided(
    { tenant, file }: LiveTenant,
    message: Turn['message'],
    classification: Classification,
    asked: Pick<Situation, 'filled' | 'mayAskBack' | 'forced'>,
  ): Decision {
    const { center, skills } = this.#deps
    const { intents, cards = {}, handoffs = [] } = file
    return decide({
      ...asked,
      classification,
      intents,
      hasSkill: (name) => skills.get(name) !== undefined,
      hasCard: (name) => Object.hasOwn(cards, name),
      hasHandoff: (name) => handoffs.some((handoff) => handoff.name === name),
      linkUp: center.linkUp,
      roomToWait: center.hasRoom({ tenant, message }),
    })
  }

  /** The intent that the local model is sure about, whatever else the text could be. */
  async surely(asked: Asked, signal: AbortSignal): Promise<string | undefined> {
    const { intent, match, score, accept } = await this.#classify(asked, signal)
    const isSure = match === 'exact' || score >= accept
    return isSure && Object.hasOwn(asked.tenant.file.intents, intent) ? intent : undefined
  }

  /** The plan of a turn that has been decided to go to the center, made again by a later run. */
  async plan(asked: Asked, signal: AbortSignal): Promise<ForwardPlan> {
    const { chosen } = asked
    const classification = chosen === undefined ? await this.#classify(asked, signal) : asChosen(chosen)
    const { intents } = asked.tenant.file
    const entry = Object.hasOwn(intents, classification.intent) ? intents[classification.intent] : undefined
    const knowledge = entry?.reply.kind === 'forward' ? entry.reply.knowledge : []
    const decision: Decision = { do: 'forward', knowledge }
    return toPlan(asked, routeOf(asked, classification, decision), knowledge, entry?.offline)
  }

  async #classify({ tenant, question }: Asked, signal: AbortSignal): Promise<Classification> {
    try {
      return await this.#deps.classifier.classify(tenant, question, signal)
    } catch (thrown) {
      signal.throwIfAborted()
      const error = toYizhanError(thrown)
      this.#deps.log.error(
        { err: error, tenant: tenant.tenant },
        'the local model failed; the center is asked',
      )
      return { ...NOTHING, ms: 0 }
    }
  }
}

/** What a person has decided about a turn, besides an intent. */
function forcedBy({ mended }: Turn): Pick<Situation, 'forced'> {
  const [to, handoff] = targetOf(mended?.target ?? '')
  if (to === 'center') return { forced: { to } }
  return to === 'handoff' ? { forced: { to, handoff } } : {}
}

export function toPlan(
  asked: Asked,
  route: Route,
  knowledge: readonly string[],
  offline: LanguageMap | undefined,
): ForwardPlan {
  const { language, question } = asked
  const plan = { language, question, knowledge, route }
  return offline ? { ...plan, offline } : plan
}

function asChosen(intent: string): Classification {
  return { intent, score: 1, match: 'exact', top: [{ intent, score: 1 }], accept: 0, askBack: 0, ms: 0 }
}

function routeOf({ question, turn }: Asked, classification: Classification, decision: Decision): Route {
  const { intent, score, accept, match, top, ms } = classification
  const route = { intent, score, accept, match, top, decision: decision.do, classifyMs: ms }
  return question === turn.message.text ? route : { ...route, question }
}

export function notServed(tenant: string): YizhanError {
  return new YizhanError('not_found', `tenant ${tenant} is no longer served here`)
}
