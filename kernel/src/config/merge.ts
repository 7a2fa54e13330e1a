import { isForbiddenKey } from '../json.js'
import { type ConfigOrigin, type ConfigProblem, joinPath } from './problem.js'
import { isMap, type SchemaNode } from './schema.js'

/** Settings from several sources laid over each other, and where each came from. */
export class MergedConfig {
  readonly value: Record<string, unknown> = Object.create(null)
  readonly problems: ConfigProblem[] = []
  readonly #origins = new Map<string, ConfigOrigin>()

  /** Lays `source` over what is there: maps key by key, everything else (lists too) as a whole. */
  add(schema: SchemaNode, source: Readonly<Record<string, unknown>>, origin: ConfigOrigin): void {
    this.#merge(schema, this.value, source, '', origin)
  }

  /** Where the value at `path`, or the list or map that it is in, came from. */
  origin(path: string): ConfigOrigin {
    for (let at = path; at !== ''; at = at.replace(/(\.?[^.[\]]+|\[\d+\])$/, '')) {
      const origin = this.#origins.get(at)
      if (origin) return origin
      if (!/[.[]/.test(at)) break
    }
    return 'default'
  }

  #merge(
    node: SchemaNode | undefined,
    target: Record<string, unknown>,
    source: Readonly<Record<string, unknown>>,
    base: string,
    origin: ConfigOrigin,
  ): void {
    for (const [key, item] of Object.entries(source)) {
      if (item === undefined) continue
      const path = joinPath(base, key)
      if (isForbiddenKey(key)) {
        this.problems.push({ path, message: 'is a forbidden key', origin })
        continue
      }
      const child = node?.properties?.[key]
      // An empty group (`uplink:`) says nothing, so it does not wipe what another file said.
      if (item === null && child?.properties) continue
      if (isMap(item)) {
        const existing = target[key]
        const into: Record<string, unknown> = isMap(existing) ? existing : Object.create(null)
        if (into !== existing) this.#forget(path)
        target[key] = into
        if (Object.keys(item).length === 0) this.#origins.set(path, origin)
        this.#merge(child, into, item, path, origin)
      } else {
        this.#forget(path)
        target[key] = Array.isArray(item) ? this.#copyList(item, path, origin) : item
        this.#origins.set(path, origin)
      }
    }
  }

  #copyList(list: readonly unknown[], path: string, origin: ConfigOrigin): unknown[] {
    return list.map((item, i) => {
      if (Array.isArray(item)) return this.#copyList(item, joinPath(path, i), origin)
      if (!isMap(item)) return item
      const copy: Record<string, unknown> = Object.create(null)
      this.#merge(undefined, copy, item, joinPath(path, i), origin)
      return copy
    })
  }

  #forget(path: string): void {
    for (const known of this.#origins.keys()) {
      if (known === path || known.startsWith(`${path}.`) || known.startsWith(`${path}[`))
        this.#origins.delete(known)
    }
  }
}
