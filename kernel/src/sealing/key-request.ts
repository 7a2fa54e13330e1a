import { toYizhanError, YizhanError } from '../errors.js'
import type { SealContext } from './sealer.js'

interface Placed {
  readonly context: SealContext
}

/** The key of each item. What the ring holds in memory is there at once; the rest is asked for together. */
export async function requestKeys<Item extends Placed, Key>(
  items: readonly Item[],
  request: (item: Item) => Key | Promise<Key>,
): Promise<Key[]> {
  let waits = false
  const answers = items.map((item) => {
    const answer = atOnce(item, request)
    waits ||= answer instanceof Promise
    return answer
  })
  if (!waits) return answers as Key[]
  const settled = await Promise.allSettled(answers)
  return settled.map((one, index) => {
    if (one.status === 'fulfilled') return one.value
    throw ofItem(one.reason, items, index)
  })
}

function atOnce<Item, Key>(item: Item, request: (item: Item) => Key | Promise<Key>): Key | Promise<Key> {
  try {
    return request(item)
  } catch (thrown) {
    return Promise.reject(thrown)
  }
}

/** The same error with the item's place in its details: index, collection and version, never the key. */
export function ofItem(thrown: unknown, items: readonly Placed[], index: number): YizhanError {
  const { code, message, details, hint, retryable } = toYizhanError(thrown)
  const { collection, version } = items[index]?.context ?? {}
  return new YizhanError(code, message, {
    details: { ...details, index, collection, version },
    retryable,
    cause: thrown,
    ...(hint === undefined ? {} : { hint }),
  })
}
