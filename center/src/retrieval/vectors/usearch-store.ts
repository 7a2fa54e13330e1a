import type { TenantId } from '@yizhan/kernel'
import { Index, MetricKind, ScalarKind } from 'usearch'
import { checkDimensions, type VectorModel, type VectorStore } from './vector-store.js'

interface Space {
  readonly index: Index
  readonly keys: Map<string, bigint>
  readonly ids: Map<bigint, string>
  next: bigint
}

/** Vectors in this process's memory, found through a graph (HNSW): gone with the process. */
export function createUsearchStore(model: VectorModel): VectorStore {
  const spaces = new Map<TenantId, Space>()

  const spaceOf = (tenant: TenantId): Space => {
    const space = spaces.get(tenant) ?? {
      index: new Index(model.dimensions, MetricKind.Cos, ScalarKind.F32),
      keys: new Map(),
      ids: new Map(),
      next: 1n,
    }
    spaces.set(tenant, space)
    return space
  }
  const remove = (space: Space, id: string) => {
    const key = space.keys.get(id)
    if (key === undefined) return
    space.index.remove(key)
    space.keys.delete(id)
    space.ids.delete(key)
  }

  return {
    async prepare() {},
    async put(tenant, vectors) {
      checkDimensions(
        model,
        vectors.map(({ vector }) => vector),
      )
      const space = spaceOf(tenant)
      for (const { id, vector } of vectors) {
        remove(space, id)
        const key = space.next++
        // One thread: the others of libuv's pool belong to the stores.
        space.index.add(key, vector, 1)
        space.keys.set(id, key)
        space.ids.set(key, id)
      }
    },
    async delete(tenant, ids) {
      const space = spaces.get(tenant)
      if (space) for (const id of ids) remove(space, id)
    },
    ids: async (tenant) => new Set(spaces.get(tenant)?.keys.keys()),
    async nearest(tenant, vector, count) {
      checkDimensions(model, [vector])
      const space = spaces.get(tenant)
      if (!space || space.ids.size === 0) return []
      const { keys, distances } = space.index.search(vector, Math.min(count, space.ids.size), 1)
      return [...keys].flatMap((key, at) => {
        const id = space.ids.get(key)
        return id === undefined ? [] : [{ id, similarity: 1 - (distances[at] ?? 1) }]
      })
    },
    tenants: async () => [...spaces.keys()],
    // What is in memory is of this model.
    async dropFormer() {},
    async clear(tenant) {
      spaces.delete(tenant)
    },
    async close() {
      spaces.clear()
    },
  }
}
