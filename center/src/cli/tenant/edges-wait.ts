import { type CliIo, type Clock, oneLine, YizhanError } from '@yizhan/kernel'

/** As `GET /v1/tenants/:tenant/edges` answers. */
export interface EdgesAnswer {
  readonly digest: string
  readonly edges: readonly {
    readonly edge: string
    readonly linked: boolean
    readonly applied: boolean
    readonly rejected?: string
  }[]
}

/** Which of a tenant's edges run what is in force; by their names. */
export interface EdgesOutcome {
  readonly applied: readonly string[]
  /** Without a link: they take it as soon as they are back. */
  readonly offline: readonly string[]
  readonly rejected: readonly { readonly edge: string; readonly why: string }[]
  /** Linked, and not there yet when the time was over. */
  readonly missing: readonly string[]
}

const POLL_MS = 200

/** Asks until every edge has applied it, refused it or lost its link, or until the time is over. Rejects as `ask` does. */
export async function waitForEdges(
  ask: () => Promise<EdgesAnswer>,
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
  signal: AbortSignal,
): Promise<EdgesOutcome> {
  const end = clock.monotonic() + timeoutMs
  for (;;) {
    const outcome = outcomeOf(await ask())
    if (outcome.missing.length === 0 || clock.monotonic() >= end) return outcome
    await clock.sleep(Math.min(POLL_MS, Math.max(1, end - clock.monotonic())), signal)
  }
}

function outcomeOf({ edges }: EdgesAnswer): EdgesOutcome {
  const names = (of: EdgesAnswer['edges']) => of.map(({ edge }) => edge)
  const open = edges.filter(({ applied, rejected }) => !applied && rejected === undefined)
  return {
    // One that is offline now and has applied it runs it.
    applied: names(edges.filter(({ applied }) => applied)),
    rejected: edges.flatMap(({ edge, applied, rejected }) =>
      applied || rejected === undefined ? [] : [{ edge, why: rejected }],
    ),
    offline: names(open.filter(({ linked }) => !linked)),
    missing: names(open.filter(({ linked }) => linked)),
  }
}

/** Says how many edges run it and which do not, and why. */
export function showEdges(io: CliIo, { applied, offline, rejected, missing }: EdgesOutcome): void {
  const all = applied.length + offline.length + rejected.length + missing.length
  if (all === 0) {
    io.out(io.say({ en: 'no edge serves it yet', zh: '还没有边缘节点服务该租户' }))
    return
  }
  io.out(
    io.say({
      en: `live at ${applied.length} of ${all} ${all === 1 ? 'edge' : 'edges'}`,
      zh: `已在 ${all} 个边缘节点中的 ${applied.length} 个生效`,
    }),
  )
  if (offline.length > 0) {
    const names = offline.join(', ')
    io.out(
      io.say({
        en: `offline, will take it once they are back: ${names}`,
        zh: `离线，恢复连接后生效：${names}`,
      }),
    )
  }
  for (const { edge, why } of rejected) {
    io.err(io.say({ en: `${edge} refuses it: ${oneLine(why)}`, zh: `${edge} 拒绝：${oneLine(why)}` }))
  }
  if (missing.length > 0) {
    const names = missing.join(', ')
    io.err(io.say({ en: `not there in time: ${names}`, zh: `未能及时生效：${names}` }))
  }
}

/** Whether every edge with a link runs it. */
export function isEverywhere({ rejected, missing }: EdgesOutcome): boolean {
  return rejected.length + missing.length === 0
}

/** `--wait [seconds]` in milliseconds; undefined if it is not wanted. Throws `invalid_argument`. */
export function waitMs(io: CliIo, wait: string | true | undefined): number | undefined {
  if (wait === undefined) return undefined
  const seconds = wait === true ? DEFAULT_WAIT_S : Number(wait)
  if (Number.isFinite(seconds) && seconds > 0) return seconds * 1000
  throw new YizhanError(
    'invalid_argument',
    io.say({ en: '--wait: not a positive number of seconds', zh: '--wait：应为正的秒数' }),
  )
}

const DEFAULT_WAIT_S = 60
