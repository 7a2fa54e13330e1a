import { QdrantClient } from '@qdrant/js-client-rest'
import { asTenantId, type ErrorCode, sha256Hex, systemCode, type TenantId, YizhanError } from '@yizhan/kernel'
import { checkDimensions, type VectorModel, type VectorStore } from './vector-store.js'

export interface QdrantConfig {
  /** Port 6333 unless it names another one. */
  readonly url: string
  readonly apiKey?: string
  /** What the names of the collections begin with; holds no `_`. */
  readonly prefix: string
  /** For one request. */
  readonly timeoutMs: number
}

type Page = Awaited<ReturnType<QdrantClient['scroll']>>

/** Points in one request. */
const AT_ONCE = 256
/** Ids in one answer. */
const PAGE = 1_000

/**
 * Vectors on a Qdrant server: a collection for each tenant and model, points that carry the digest of their text and
 * nothing else. Made when the first vector comes, and again if it was lost.
 */
export function createQdrantStore(config: QdrantConfig, model: VectorModel): VectorStore {
  const { prefix, timeoutMs } = config
  const client = new QdrantClient({
    ...addressOf(config.url),
    ...headersOf(config),
    ...OWN,
    timeout: timeoutMs,
  })
  const suffix = sha256Hex(`${model.name}\0${model.dimensions}`).slice(0, 16)
  // A tenant's name holds no `_`.
  const nameOf = (tenant: TenantId) => `${prefix}_${tenant}_${suffix}`
  const made = new Set<string>()

  const make = async (name: string) => {
    if (made.has(name)) return
    const vectors = { size: model.dimensions, distance: 'Cosine' as const }
    // Another center may have been faster.
    await answered(client.createCollection(name, { vectors }), undefined, 409)
    made.add(name)
  }
  const collections = async () => {
    const { collections: all } = await answered(client.getCollections())
    return all.flatMap(({ name }) => {
      const [ours, tenant = '', ofModel] = name.split('_')
      const id = ours === prefix && ofModel !== undefined ? asTenantId(tenant) : undefined
      return id ? [{ name, tenant: id }] : []
    })
  }
  const drop = async (names: readonly string[]) => {
    for (const name of names) {
      made.delete(name)
      await answered(client.deleteCollection(name), undefined, 404)
    }
  }

  return {
    async prepare() {
      await answered(client.getCollections())
    },
    async put(tenant, vectors) {
      checkDimensions(
        model,
        vectors.map(({ vector }) => vector),
      )
      const name = nameOf(tenant)
      const points = vectors.map(({ id, vector }) => ({
        id: pointOf(id),
        vector: [...vector],
        payload: { digest: id },
      }))
      for (let at = 0; at < points.length; at += AT_ONCE) {
        const send = () => client.upsert(name, { wait: true, points: points.slice(at, at + AT_ONCE) })
        await make(name)
        if (await answered(send(), undefined, 404)) continue
        made.delete(name)
        await make(name)
        await answered(send())
      }
    },
    async delete(tenant, ids) {
      for (let at = 0; at < ids.length; at += AT_ONCE) {
        const points = ids.slice(at, at + AT_ONCE).map(pointOf)
        await answered(client.delete(nameOf(tenant), { wait: true, points }), undefined, 404)
      }
    },
    async ids(tenant) {
      const found = new Set<string>()
      const options = { limit: PAGE, with_payload: ['digest'], with_vector: false }
      let offset: Page['next_page_offset']
      do {
        const asked = client.scroll(nameOf(tenant), { ...options, ...(offset == null ? {} : { offset }) })
        const page: Page = await answered(asked, { points: [] }, 404)
        for (const { payload } of page.points) found.add(digestOf(payload))
        offset = page.next_page_offset
      } while (offset != null)
      return found
    },
    async nearest(tenant, vector, count) {
      checkDimensions(model, [vector])
      const query = { query: [...vector], limit: count, with_payload: ['digest'] }
      const { points } = await answered(client.query(nameOf(tenant), query), { points: [] }, 404)
      return points.map(({ payload, score }) => ({ id: digestOf(payload), similarity: score }))
    },
    async tenants() {
      return [...new Set((await collections()).map(({ tenant }) => tenant))]
    },
    async dropFormer(tenant) {
      const all = await collections()
      await drop(all.flatMap((one) => (one.tenant === tenant && one.name !== nameOf(tenant) ? one.name : [])))
    },
    async clear(tenant) {
      await drop((await collections()).flatMap((one) => (one.tenant === tenant ? one.name : [])))
    },
    async close() {},
  }
}

/** The client would ask the server for its version while it is made, and write to the console. */
const OWN = { checkCompatibility: false } as const

/** The client reads no path from a URL, and takes port 6333 for one that belongs to the scheme. */
function addressOf(url: string) {
  const { hostname, protocol, pathname } = new URL(url)
  const port = /^https?:\/\/[^/]*:(\d+)/.exec(url)?.[1]
  const prefix = pathname === '/' ? {} : { prefix: pathname.replace(/\/+$/, '') }
  return { host: hostname, https: protocol === 'https:', port: Number(port ?? 6333), ...prefix }
}

/** As a header of ours: the client would write to the console where a key goes to this machine without TLS. */
function headersOf({ apiKey }: QdrantConfig) {
  return apiKey === undefined ? {} : { headers: { 'api-key': apiKey } }
}

/** Qdrant takes numbers and UUIDs: the first half of the digest. */
function pointOf(digest: string): string {
  return digest.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function digestOf(payload: Record<string, unknown> | null | undefined): string {
  if (typeof payload?.digest === 'string') return payload.digest
  throw new YizhanError('data_corrupt', 'a point of Qdrant has no digest')
}

/** The answer, or `otherwise` for the status `instead`. Throws in this project's terms. */
async function answered<T, U = never>(request: Promise<T>, otherwise?: U, instead?: number): Promise<T | U> {
  try {
    return await request
  } catch (thrown) {
    if (instead !== undefined && statusOf(thrown) === instead) return otherwise as U
    throw qdrantError(thrown)
  }
}

function statusOf(thrown: unknown): number | undefined {
  const status = thrown instanceof Error && 'status' in thrown ? thrown.status : undefined
  return typeof status === 'number' ? status : undefined
}

/** What the client threw; what the server said of it may quote points and is left out. */
function qdrantError(thrown: unknown): YizhanError {
  const status = statusOf(thrown)
  const name = thrown instanceof Error ? thrown.name : ''
  const [code, what, hint]: readonly [ErrorCode, string, string?] =
    name === 'QdrantClientTimeoutError'
      ? ['deadline_exceeded', 'did not answer in time']
      : name === 'QdrantClientResourceExhaustedError' || status === 429
        ? ['overloaded', 'takes no more requests for now']
        : status === 401 || status === 403
          ? ['unauthenticated', 'refused the key', 'check knowledge.vectors.qdrant.apiKey']
          : status === 400 || status === 422
            ? ['invalid_argument', 'refused the request']
            : status !== undefined
              ? ['backend_failed', `answered with ${status}`]
              : thrown instanceof TypeError
                ? ['unavailable', 'cannot be reached']
                : ['backend_failed', 'answered with what is no answer']
  const cause = new Error(systemCode(thrown instanceof Error && thrown.cause ? thrown.cause : thrown))
  return new YizhanError(code, `Qdrant ${what}`, { cause, ...(hint === undefined ? {} : { hint }) })
}
