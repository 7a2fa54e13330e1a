import { normalise, type TenantFile } from '@yizhan/intent'
import { YizhanError } from '@yizhan/kernel'
import type { Decision, Preview, Turns } from '../router/index.js'
import { prefill } from '../slots/index.js'
import type { LiveTenant, TenantHost } from '../tenants/index.js'

/** How a text was understood: by heart, surely, in doubt, or not. */
export type Reason = 'example' | 'sure' | 'doubtful' | 'out-of-scope'

/** The whole reasoning about one text. */
export interface IntentTrial {
  readonly tenant: string
  readonly bundle: string
  /** The text as the model reads it. */
  readonly normalised: string
  readonly intent: string
  readonly score: number
  readonly match: 'exact' | 'model'
  readonly top: Preview['classification']['top']
  readonly operatingPoint: TenantFile['operatingPoint']
  readonly accept: number
  readonly askBack: number
  readonly because: Reason
  readonly decision: Decision['do']
  /** What the decision names: intents to choose from, documents, a hand-off. */
  readonly names: readonly string[]
  /** Of the intent, as far as the text says them. */
  readonly slots: Readonly<Record<string, string>>
  readonly missing: readonly string[]
  readonly classifyMs: number
  readonly tookMs: number
}

export interface IntentViewParts {
  readonly tenants: Pick<TenantHost, 'list'>
  readonly turns: Pick<Turns, 'preview'>
  readonly clock: { wall(): number; monotonic(): number }
}

/** Reasons about a text as if it had been asked; nothing is answered, counted or kept. Throws `not_found`, and as classifying does. */
export async function tryText(
  { tenants, turns, clock }: IntentViewParts,
  asked: { readonly text: string; readonly tenant?: string },
  signal: AbortSignal,
): Promise<IntentTrial> {
  const tenant = tenantNamed(tenants, asked.tenant)
  const started = clock.monotonic()
  const { classification, decision } = await turns.preview(tenant, asked.text, signal)
  const { file } = tenant
  const { intent, score, match, top, accept, askBack, ms } = classification
  const wanted = Object.hasOwn(file.intents, intent) ? (file.intents[intent]?.slots ?? []) : []
  const slots = Object.fromEntries(
    prefill(wanted, asked.text, { wallMs: clock.wall(), locale: '', timezone: file.timezone }),
  )
  return {
    tenant: tenant.tenant,
    bundle: tenant.digest,
    normalised: normalise(asked.text),
    intent,
    score,
    match,
    top,
    operatingPoint: file.operatingPoint,
    accept,
    askBack,
    because: reasonOf(classification),
    decision: decision.do,
    names: namesIn(decision),
    slots,
    missing: wanted.filter(({ name }) => !Object.hasOwn(slots, name)).map(({ name }) => name),
    classifyMs: ms,
    tookMs: clock.monotonic() - started,
  }
}

/** Every intent that this edge answers for: by tenant, then by name. */
export function intentRows({ tenants }: Pick<IntentViewParts, 'tenants'>, wanted: string | undefined) {
  const served = wanted === undefined ? tenants.list() : [tenantNamed(tenants, wanted)]
  return served.flatMap(({ tenant, digest, file }) =>
    Object.entries(file.intents).map(([intent, { reply, slots = [], title }]) => ({
      tenant,
      intent,
      reply: reply.kind,
      slots: slots.map(({ name, type }) => `${name}:${type}`).join(' '),
      title: title?.[file.languages[0] ?? ''] ?? Object.values(title ?? {})[0] ?? '',
      bundle: digest,
    })),
  )
}

function tenantNamed(tenants: IntentViewParts['tenants'], wanted: string | undefined): LiveTenant {
  const served = tenants.list()
  const found = wanted === undefined ? served[0] : served.find(({ tenant }) => tenant === wanted)
  if (found) return found
  const message =
    wanted === undefined ? 'no tenant is served here yet' : `tenant ${wanted} is not served here`
  throw new YizhanError('not_found', message, { hint: 'see `yizhan-edge status`' })
}

function reasonOf({ intent, match, score, accept }: Preview['classification']): Reason {
  if (match === 'exact') return 'example'
  if (intent === 'oos') return 'out-of-scope'
  return score >= accept ? 'sure' : 'doubtful'
}

function namesIn(decision: Decision): readonly string[] {
  switch (decision.do) {
    case 'ask-back':
      return decision.options
    case 'forward':
    case 'queue':
      return decision.knowledge
    case 'handoff':
      return [decision.handoff]
    case 'answer':
      return [decision.reply.kind]
    case 'slots':
    case 'refuse':
      return []
    default:
      return decision satisfies never
  }
}
