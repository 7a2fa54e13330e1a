import { after } from 'node:test'
import type { Scope } from './scope.js'

/** A scope that ends with the tests of a file; to be made outside of them. */
export function fileScope(): Scope {
  const ends: (() => unknown)[] = []
  after(async () => {
    for (const end of ends.reverse()) await end()
  })
  return { after: (fn) => ends.push(fn) }
}
