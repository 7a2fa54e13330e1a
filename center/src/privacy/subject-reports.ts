import { type Clock, type EdgeId, type Logger, type TenantId, YizhanError } from '@yizhan/kernel'
import { type SubjectReport, SubjectReportKind } from '@yizhan/proto'
import type { Change, Store } from '../storage/index.js'
import type { PrivacyCases } from './cases.js'
import type { Consent, Consents } from './consents.js'
import type { SubjectDirectory } from './subject-directory.js'

export interface SubjectReportBookDeps {
  readonly store: Store
  readonly subjects: SubjectDirectory
  readonly consents: Consents
  readonly cases: PrivacyCases
  readonly clock: Clock
  readonly log: Logger
}

/** Which reports were taken. Without the person's id: a report that comes again after an erasure makes nobody new. */
const REPORTS = 'subject-reports'
const KEPT_MS = 180 * 86_400_000
const MAX_ATTEMPTS = 3
const REPORT_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
const SHORT = /^[^\0]{0,128}$/

const CONSENT_KINDS: ReadonlyMap<SubjectReportKind, Consent['kind']> = new Map([
  [SubjectReportKind.CONSENT_GIVEN, 'given'],
  [SubjectReportKind.CONSENT_REFUSED, 'refused'],
  [SubjectReportKind.CONSENT_WITHDRAWN, 'withdrawn'],
  [SubjectReportKind.NOTICE_SHOWN, 'notice-shown'],
])
const CASE_KINDS: ReadonlyMap<SubjectReportKind, 'export' | 'erasure'> = new Map([
  [SubjectReportKind.EXPORT_ASKED, 'export'],
  [SubjectReportKind.ERASURE_ASKED, 'erasure'],
])

/** Keeps what persons say of their data at edges: consents, and what they ask for as cases. */
export class SubjectReportBook {
  readonly #deps: SubjectReportBookDeps

  constructor(deps: SubjectReportBookDeps) {
    this.#deps = deps
  }

  /**
   * Durable when it resolves; the same report of the same edge counts once. One that makes no sense is logged and
   * counts as taken: it would come again for ever.
   */
  async take(edge: EdgeId, tenant: TenantId, report: SubjectReport): Promise<void> {
    const why = malformed(report)
    if (why !== undefined) {
      this.#deps.log.warn({ edge, tenant, why }, 'a report of a person makes no sense and is dropped')
      return
    }
    const key = `${edge}/${report.reportId}`
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (await this.#deps.store.get(tenant, REPORTS, key)) return
      if (await this.#keep(edge, tenant, report, key)) return
    }
    throw new YizhanError('unavailable', 'the person is being erased just now')
  }

  /** False if another was quicker, or the person was erased meanwhile. */
  async #keep(edge: EdgeId, tenant: TenantId, report: SubjectReport, key: string): Promise<boolean> {
    const { subjects, store, clock } = this.#deps
    const actor = `edge:${edge}`
    const account = { channel: report.channelId, sender: report.senderId }
    const subject = await subjects.resolve(tenant, account, {}, { actor })
    const more = await this.#changes(edge, tenant, subject, report)
    const now = clock.wall()
    const taken: Change = {
      op: 'put',
      collection: REPORTS,
      key,
      value: new Uint8Array(),
      expectedVersion: 0,
      expiresAt: now + KEPT_MS,
    }
    const first = more.find(({ op }) => op === 'put')
    const object = first ? `${first.collection}/${first.key}` : `${REPORTS}/${key}`
    const after = first?.op === 'put' ? { after: first.value } : {}
    try {
      await store.batch(tenant, [taken, ...more], {
        time: now,
        actor,
        action: 'CREATE',
        object,
        requestId: report.reportId,
        subject,
        ...after,
      })
      return true
    } catch (thrown) {
      if (thrown instanceof YizhanError && (thrown.code === 'conflict' || thrown.code === 'erased'))
        return false
      throw thrown
    }
  }

  async #changes(edge: EdgeId, tenant: TenantId, subject: string, report: SubjectReport): Promise<Change[]> {
    const { consents, cases } = this.#deps
    const at = Number(report.timeMs)
    const asked = CASE_KINDS.get(report.kind)
    if (asked) return await cases.changes(tenant, { kind: asked, subject, edge, at })
    const kind = CONSENT_KINDS.get(report.kind)
    if (!kind) throw new YizhanError('internal', 'the kind of a report was not checked')
    return await consents.changes(tenant, subject, {
      kind,
      purpose: report.purpose,
      at,
      channel: report.channelId,
      noticeVersion: report.noticeVersion,
      locale: report.locale,
      edge,
      report: report.reportId,
    })
  }
}

function malformed(report: SubjectReport): string | undefined {
  const { reportId, channelId, senderId, kind, purpose, noticeVersion, locale, timeMs } = report
  if (!REPORT_ID.test(reportId)) return 'report id'
  if (channelId === '' || Buffer.byteLength(channelId) > 512) return 'channel'
  if (senderId === '' || Buffer.byteLength(senderId) > 512) return 'sender'
  if (!CONSENT_KINDS.has(kind) && !CASE_KINDS.has(kind)) return 'kind'
  // It stands in an index: what is no purpose's id could be anything.
  if (purpose !== '' && !/^[a-z][a-z0-9-]{0,62}$/.test(purpose)) return 'purpose'
  if (!SHORT.test(noticeVersion) || !SHORT.test(locale)) return 'notice'
  return timeMs < 0n || timeMs > BigInt(Number.MAX_SAFE_INTEGER) ? 'time' : undefined
}
