import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'

/** `hang`: no answer. `garbage`: no JSON. A number: that status, with Qdrant's form of an error. */
export type Fault = 'hang' | 'garbage' | number

interface Point {
  readonly id: string
  readonly vector: readonly number[]
  readonly payload: Readonly<Record<string, unknown>>
}

interface Collection {
  readonly size: number
  readonly points: Map<string, Point>
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

class Refusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** The part of Qdrant's REST interface that the store uses, in memory: what it answers, and what it refuses. */
export class QdrantSimulator {
  readonly collections = new Map<string, Collection>()
  /** Method and path of each request, without query. */
  readonly asked: string[] = []
  /** Every request until it is taken back. */
  fault: Fault | undefined
  readonly #apiKey: string | undefined
  #server: Server | undefined
  readonly #later: (() => void)[] = []
  #port = 0

  constructor(apiKey?: string) {
    this.#apiKey = apiKey
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** On the same port again after `stop`. */
  async start(): Promise<void> {
    const server = createServer((request, response) => void this.#serve(request, response))
    this.#server = server
    server.listen(this.#port, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (typeof address === 'object' && address) this.#port = address.port
  }

  async stop(): Promise<void> {
    const server = this.#server
    if (!server) return
    this.#server = undefined
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const url = new URL(request.url ?? '', this.url)
    this.asked.push(`${request.method} ${url.pathname}`)
    const answer = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ time: 0.001, ...body }))
    }
    const refuse = (status: number, error: string) => answer(status, { status: { error }, result: null })
    if (this.fault === 'hang') return
    if (this.fault === 'garbage') {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')
      return
    }
    if (this.fault !== undefined) return refuse(this.fault, 'Service internal error: as it was told')
    if (this.#apiKey !== undefined && request.headers['api-key'] !== this.#apiKey) {
      return refuse(401, 'Must provide an API key or an Authorization bearer token')
    }
    try {
      const text = Buffer.concat(chunks).toString()
      const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
      const wait = url.searchParams.get('wait') === 'true'
      const result = this.#route(request.method ?? '', url.pathname.split('/').slice(1), body, wait)
      answer(200, { status: 'ok', result })
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown
      refuse(thrown.status, thrown.message)
    }
  }

  #route(method: string, path: readonly string[], body: Record<string, unknown>, wait: boolean): unknown {
    const [, name = '', points, verb] = path
    const route = [method, ...(points ? [points] : []), ...(verb ? [verb] : [])].join(' ')
    if (path[0] !== 'collections') throw new Refusal(404, '')
    if (name === '') return { collections: [...this.collections.keys()].map((one) => ({ name: one })) }
    if (route === 'PUT') return this.#create(name, body)
    if (route === 'DELETE') return this.collections.delete(name)
    const collection = this.collections.get(name)
    if (!collection) throw new Refusal(404, `Not found: Collection \`${name}\` doesn't exist!`)
    switch (route) {
      case 'PUT points':
        return this.#write(wait, upsert(collection, body.points as Point[]))
      case 'POST points delete': {
        const ids = (body.points as string[]).map(checkedId)
        return this.#write(wait, () => ids.map((id) => collection.points.delete(id)))
      }
      case 'POST points scroll':
        return scroll(collection, body)
      case 'POST points query':
        return query(collection, body)
    }
    throw new Refusal(404, '')
  }

  /** What nobody waits for is seen only after a write that somebody waits for. */
  #write(wait: boolean, apply: () => void) {
    this.#later.push(apply)
    if (wait) for (const one of this.#later.splice(0)) one()
    return { operation_id: 1, status: wait ? 'completed' : 'acknowledged' }
  }

  #create(name: string, body: Record<string, unknown>): boolean {
    const { size, distance } = body.vectors as { readonly size: number; readonly distance: string }
    if (this.collections.has(name)) {
      throw new Refusal(409, `Wrong input: Collection \`${name}\` already exists!`)
    }
    if (distance !== 'Cosine' || !(size > 0 && size <= 65_536)) throw new Refusal(422, 'Validation error')
    this.collections.set(name, { size, points: new Map() })
    return true
  }
}

function upsert({ size, points }: Collection, given: readonly Point[]): () => void {
  if (given.length === 0) throw new Refusal(400, 'Wrong input: Empty update request')
  for (const { id, vector } of given) {
    checkedId(id)
    checkSize(size, vector)
  }
  return () => {
    for (const point of given) points.set(point.id, { ...point, vector: normalised(point.vector) })
  }
}

function scroll({ points }: Collection, { limit = 10, offset }: Record<string, unknown>) {
  const sorted = [...points.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  const from = offset === undefined ? sorted : sorted.filter(({ id }) => id >= String(offset))
  const page = from.slice(0, Number(limit))
  return {
    points: page.map(({ id, payload }) => ({ id, payload })),
    next_page_offset: from[page.length]?.id ?? null,
  }
}

function query({ points, size }: Collection, { query: vector, limit = 10 }: Record<string, unknown>) {
  const asked = vector as number[]
  checkSize(size, asked)
  const unit = normalised(asked)
  const scored = [...points.values()].map(({ id, payload, vector: one }) => ({
    id,
    version: 1,
    payload,
    score: one.reduce((sum, number, at) => sum + number * (unit[at] ?? 0), 0),
  }))
  return { points: scored.sort((a, b) => b.score - a.score).slice(0, Number(limit)) }
}

function checkedId(id: string): string {
  if (UUID.test(id)) return id
  throw new Refusal(400, `Format error in JSON body: value ${id} is not a valid point ID`)
}

function checkSize(size: number, vector: readonly number[]): void {
  if (vector.length === size) return
  throw new Refusal(400, `Wrong input: Vector dimension error: expected dim: ${size}, got ${vector.length}`)
}

/** As Qdrant stores vectors that are compared by cosine. */
function normalised(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector)
  return vector.map((number) => number / length)
}
