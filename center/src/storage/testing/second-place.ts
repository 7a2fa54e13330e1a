import type { RecordEngine } from '../engine.js'
import { openDatabase } from '../level-database.js'
import { LevelEngine } from '../level-engine.js'
import type { EngineGiven, OpenedEngine } from '../storage.js'

/** Runs before a method of an engine; what it throws is the method's failure. */
export type Before = (method: keyof RecordEngine) => unknown

/** A place beside the shards, called `second`, as another engine would be: a LevelDB in a directory of its own. */
export function secondPlace(dir: string, before: Before = () => undefined) {
  return async (given: EngineGiven): Promise<OpenedEngine> => {
    const database = await openDatabase(given, dir, false)
    const engine = watched(new LevelEngine('second', { ...given, database }), before)
    return Object.assign(engine, { close: () => database.close() })
  }
}

/** The same engine, with `before` in front of everything that a move does with it. */
export function watched(engine: RecordEngine, before: Before): RecordEngine {
  return {
    name: engine.name,
    get: (...args) => engine.get(...args),
    getMany: (...args) => engine.getMany(...args),
    batch: (...args) => engine.batch(...args),
    scan: (...args) => engine.scan(...args),
    places: (...args) => engine.places(...args),
    audit: (...args) => engine.audit(...args),
    head: (...args) => engine.head(...args),
    drain: () => engine.drain(),
    tenants: () => engine.tenants(),
    reseal: (...args) => engine.reseal(...args),
    pruneAudit: (...args) => engine.pruneAudit(...args),
    size: (...args) => engine.size(...args),
    reclaim: (...args) => engine.reclaim(...args),
    async check(...args) {
      await before('check')
      return engine.check(...args)
    },
    async *rows(...args) {
      await before('rows')
      yield* engine.rows(...args)
    },
    async load(scope, rows, signal) {
      await engine.load(scope, beforeEach(rows, before), signal)
    },
    async drop(...args) {
      await before('drop')
      return engine.drop(...args)
    },
    async compact(...args) {
      await before('compact')
      return engine.compact(...args)
    },
  }
}

async function* beforeEach<T>(pages: AsyncIterable<T>, before: Before): AsyncGenerator<T> {
  for await (const page of pages) {
    await before('load')
    yield page
  }
}
