import { parseTenantFile, TENANT_FILE } from '@yizhan/intent'
import { type Clock, type Logger, type TenantId, YizhanError } from '@yizhan/kernel'
import { toStored } from '../fleet/index.js'
import type { By } from '../privacy/index.js'
import type { AuditEntry, Store } from '../storage/index.js'
import {
  type BundleStore,
  filesDigest,
  type LessonsOf,
  learnt,
  learntFrom,
  openAsEdge,
  type TenantCatalog,
  type TenantInForce,
  type TenantSource,
  type TenantSummary,
  type Train,
  tryOut,
  type Version,
  VersionBook,
} from '../tenants/index.js'
import { figuresOf, type ModelFigures } from './figures.js'
import { type LiveModel, makeReport } from './make-report.js'
import { type ModelReport, objections, readReport } from './report.js'

export interface ModelDeskDeps {
  readonly store: Store
  readonly catalog: Pick<TenantCatalog, 'inForce' | 'inOrder' | 'switchTo'>
  readonly bundles: Pick<BundleStore, 'add' | 'files' | 'has' | 'remove'>
  readonly train: Train
  readonly lessons: LessonsOf
  readonly clock: Clock
  readonly log: Logger
}

/** A version as it is shown. */
export interface ListedVersion extends Omit<Version, 'report' | 'subjects' | 'filesDigest'> {
  readonly state: 'candidate' | 'in-force' | 'former'
  readonly report?: ModelReport
}

export interface PublishOptions {
  /** Default: the candidate. */
  readonly number?: number
  /** Although something speaks against it. */
  readonly force?: boolean
}

type Read = TenantInForce & { readonly source: TenantSource }

/** Versions of a tenant's model that are trained, looked at, and put in force apart from an apply. */
export class ModelDesk {
  readonly #deps: ModelDeskDeps
  readonly #versions: VersionBook

  constructor(deps: ModelDeskDeps) {
    this.#deps = deps
    this.#versions = new VersionBook(deps)
  }

  /** Newest first, with what their trainings showed. `not_found` before the first apply. */
  async list(tenant: TenantId, signal: AbortSignal): Promise<readonly ListedVersion[]> {
    const { summary } = await this.#inForce(tenant, signal)
    const versions = await this.#versions.list(tenant)
    return versions.map(({ report, subjects: _subjects, filesDigest: _files, ...version }) => {
      const known = readReport(report)
      const isCandidate = version.publishedAt === undefined
      const state = version.digest === summary.digest ? 'in-force' : isCandidate ? 'candidate' : 'former'
      return { ...version, state, ...(known ? { report: known } : {}) }
    })
  }

  /**
   * Trains on the directory in force and on what people have taught since: a candidate with its report; one that was
   * there is gone. Throws `failed_precondition` if the directory cannot be read any more, `tenant_invalid`, and the
   * signal's reason.
   */
  async train(tenant: TenantId, by: By, signal: AbortSignal): Promise<ListedVersion> {
    return await this.#deps.catalog.inOrder(async () => {
      const { bundles, clock, lessons: lessonsOf, log } = this.#deps
      const { summary, source } = await this.#inForce(tenant, signal)
      const lessons = await lessonsOf(tenant, by.actor, signal)
      const tried = await tryOut(this.#deps, source, signal, lessons)
      try {
        const number = await this.#versions.nextNumber(tenant, summary.version)
        const at = clock.wall()
        const bundle = await bundles.add({ tenant, version: number, createdAt: at, files: tried.files })
        const about = { number, digest: bundle.digest, madeAt: at, against: summary.digest }
        const report = await this.#withModel(summary.digest, signal, (before) =>
          makeReport({ source, lessons, tried, before, about }),
        )
        const made = {
          number,
          ...bundle,
          filesDigest: filesDigest(source.files),
          madeAt: at,
          madeBy: by.actor,
        }
        const version: Version = { ...made, ...learnt(lessons), report }
        signal.throwIfAborted()
        await this.#deps.store.batch(
          tenant,
          await this.#versions.keep(tenant, version),
          this.#entry('CREATE', number, by, { digest: bundle.digest, lessons: version.lessons }),
        )
        log.info({ tenant, number, digest: bundle.digest, trainMs: tried.trainMs }, 'a candidate was trained')
        return { ...made, lessons: version.lessons, report, state: 'candidate' }
      } finally {
        await tried.close()
      }
    })
  }

  /**
   * Puts a candidate in force. `model_refused` if it is worse than what is in force on the tenant's tests or its
   * labelled questions, unless `force`; `failed_precondition` if there is none, or another directory or model is in
   * force by now.
   */
  async publish(
    tenant: TenantId,
    { number, force = false }: PublishOptions,
    by: By,
    signal: AbortSignal,
  ): Promise<TenantSummary> {
    return await this.#deps.catalog.inOrder(async () => {
      const { summary, source } = await this.#inForce(tenant, signal)
      const versions = await this.#versions.list(tenant)
      const candidate = versions.find((one) =>
        number === undefined ? one.publishedAt === undefined : one.number === number,
      )
      const report = readReport(candidate?.report)
      if (!candidate || !report || candidate.publishedAt !== undefined) {
        throw new YizhanError('failed_precondition', 'there is no candidate', { hint: 'intents train' })
      }
      if (candidate.filesDigest !== filesDigest(source.files) || report.against !== summary.digest) {
        throw new YizhanError('failed_precondition', 'another version is in force since it was trained', {
          hint: 'intents train',
        })
      }
      const against = objections(report)
      if (against.length > 0 && !force) {
        throw new YizhanError('model_refused', `version ${candidate.number}: ${against.join('; ')}`, {
          details: { objections: against, lost: report.heldOut.lost, failed: report.tests.failed },
          hint: 'look at it with intents diff; --force puts it in force all the same',
        })
      }
      return await this.#switch(tenant, summary, candidate, by)
    })
  }

  /** Puts the version before the one in force in force again, or the one of this number. `failed_precondition` without one. */
  async rollBack(
    tenant: TenantId,
    { number }: { readonly number?: number },
    by: By,
    signal: AbortSignal,
  ): Promise<TenantSummary> {
    return await this.#deps.catalog.inOrder(async () => {
      const { summary } = await this.#inForce(tenant, signal)
      const versions = await this.#versions.list(tenant)
      const live = versions.find(({ digest }) => digest === summary.digest)
      const target = versions.find(
        (one) =>
          one.publishedAt !== undefined &&
          one.digest !== summary.digest &&
          (number === undefined ? one.number < (live?.number ?? 0) : one.number === number),
      )
      if (target && (await this.#deps.bundles.has(target.digest)))
        return await this.#switch(tenant, summary, target, by)
      throw new YizhanError('failed_precondition', 'there is no such version to go back to', {
        hint: 'intents list',
      })
    })
  }

  /**
   * Holds a version (default: what is in force) against the tenant's tests and the labelled questions that nothing was
   * trained on. `not_found` if there is no such version any more.
   */
  async evaluate(
    tenant: TenantId,
    { number }: { readonly number?: number },
    by: By,
    signal: AbortSignal,
  ): Promise<ModelFigures> {
    const { summary, source } = await this.#inForce(tenant, signal)
    const versions = await this.#versions.list(tenant)
    const wanted = versions.find((one) => one.number === number)
    const digest = number === undefined ? summary.digest : wanted?.digest
    const { heldOut } = await this.#deps.lessons(tenant, by.actor, signal)
    const figures =
      digest === undefined
        ? undefined
        : await this.#withModel(digest, signal, (model) => figuresOf(model, source, heldOut, signal))
    if (figures) return { ...(number === undefined ? {} : { number }), digest: digest ?? '', ...figures }
    throw new YizhanError('not_found', 'there is no such version', { hint: 'intents list' })
  }

  /**
   * Deletes every version that may have learnt from a person whose questions are gone; if one is in force, another is
   * trained and takes its place, whatever a comparison would say. Tells how many. Throws as `train` does.
   */
  async forget(tenant: TenantId, subject: string, by: By, signal: AbortSignal): Promise<number> {
    const concerned = async () =>
      (await this.#versions.list(tenant)).filter((version) => learntFrom(version, subject))
    const inForce = await this.#deps.catalog.inForce(tenant, signal)
    const isLive = ({ digest }: Version) => digest === inForce?.summary.digest
    if ((await concerned()).some(isLive)) {
      const { number } = await this.train(tenant, by, signal)
      await this.#deps.catalog.inOrder(async () => {
        const { summary } = await this.#inForce(tenant, signal)
        const fresh = (await this.#versions.list(tenant)).find((version) => version.number === number)
        if (!fresh)
          throw new YizhanError('conflict', 'another version was trained meanwhile', { retryable: true })
        await this.#switch(tenant, summary, fresh, by)
      })
    }
    return await this.#deps.catalog.inOrder(async () => {
      const gone = await concerned()
      for (const version of gone) {
        const entry = this.#entry('DELETE', version.number, by, { digest: version.digest })
        await this.#deps.store.batch(tenant, [this.#versions.delete(version)], entry)
        await this.#deps.bundles.remove(version.digest)
      }
      return gone.length
    })
  }

  async #switch(tenant: TenantId, { digest }: TenantSummary, to: Version, by: By): Promise<TenantSummary> {
    return await this.#deps.catalog.switchTo(tenant, to, { ...by, from: digest })
  }

  async #inForce(tenant: TenantId, signal: AbortSignal): Promise<Read> {
    const found = await this.#deps.catalog.inForce(tenant, signal)
    if (!found)
      throw new YizhanError('not_found', 'no tenant of this name has been applied', { hint: 'tenant list' })
    const { source } = found
    if (source) return { ...found, source }
    throw new YizhanError('failed_precondition', 'this version cannot read what is in force', {
      hint: 'apply the directory again',
    })
  }

  /** With a version's model, open as long as the work runs; without one that cannot be read any more. */
  async #withModel<T>(
    digest: string,
    signal: AbortSignal,
    work: (model: LiveModel | undefined) => Promise<T>,
  ): Promise<T> {
    const { bundles, clock, log } = this.#deps
    const files = await bundles.files(digest)
    if (!files) return await work(undefined)
    const model = await openAsEdge({ clock }, files, signal).catch((thrown: unknown) => {
      signal.throwIfAborted()
      log.warn({ err: thrown, digest }, 'a model cannot be read: nothing is held against it')
      return undefined
    })
    if (!model) return await work(undefined)
    try {
      const { intents, operatingPoint } = parseTenantFile(files.get(TENANT_FILE) ?? new Uint8Array())
      return await work({
        intents: Object.keys(intents),
        classifyAll: (texts, point = operatingPoint) => model.classifyAll(texts, point),
      })
    } finally {
      await model.close()
    }
  }

  #entry(action: AuditEntry['action'], number: number, by: By, after: object): AuditEntry {
    const { actor, requestId } = by
    return {
      time: this.#deps.clock.wall(),
      actor,
      action,
      object: `model-versions/${number}`,
      ...(requestId === undefined ? {} : { requestId }),
      after: toStored(after),
    }
  }
}
