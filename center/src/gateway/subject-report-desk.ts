import { type EdgeId, type Logger, toYizhanError } from '@yizhan/kernel'
import type { SubjectReport } from '@yizhan/proto'
import type { EdgeRegistry } from '../fleet/port.js'
import type { SubjectReports } from './port.js'

export interface SubjectReportDeskDeps {
  readonly log: Logger
  readonly registry: Pick<EdgeRegistry, 'get'>
  readonly subjectReports: SubjectReports
}

// What an edge sends beyond this without an acknowledgement comes again with its next link.
const MAX_WAITING = 256

/** Takes one link's reports in their order and acknowledges what is durable. */
export class SubjectReportDesk {
  readonly #deps: SubjectReportDeskDeps
  readonly #edge: EdgeId
  readonly #acknowledge: (reportId: string) => void
  #waiting = 0
  #last: Promise<void> = Promise.resolve()

  constructor(deps: SubjectReportDeskDeps, edge: EdgeId, acknowledge: (reportId: string) => void) {
    this.#deps = deps
    this.#edge = edge
    this.#acknowledge = acknowledge
  }

  /** Why the report is dropped; undefined if it is taken. */
  take(report: SubjectReport): 'tenant' | 'overflow' | undefined {
    const { registry, log } = this.#deps
    const tenant = registry.get(this.#edge)?.tenants.find((served) => served === report.tenantId)
    if (tenant === undefined) {
      log.warn({ edge: this.#edge }, 'a report of a person came for a tenant that the edge does not serve')
      return 'tenant'
    }
    if (this.#waiting >= MAX_WAITING) return 'overflow'
    this.#waiting++
    this.#last = this.#last.then(async () => {
      try {
        await this.#deps.subjectReports.take(this.#edge, tenant, report)
        this.#acknowledge(report.reportId)
      } catch (thrown) {
        const error = toYizhanError(thrown)
        log[error.traits.level]({ err: error, edge: this.#edge, tenant }, 'a report of a person was not kept')
      } finally {
        this.#waiting--
      }
    })
    return undefined
  }
}
