/** The name that `given` is most likely a slip of; undefined if none is near. */
export function nearest(given: string, names: Iterable<string>): string | undefined {
  const wanted = given.toLowerCase()
  // In a short name two slips leave nothing in common.
  let best = wanted.length < 3 ? 1 : wanted.length < 8 ? 2 : 3
  let found: string | undefined
  for (const name of names) {
    const away = distance(wanted, name.toLowerCase(), best)
    if (away < best || (away === best && found === undefined)) {
      best = away
      found = name
    }
  }
  return found
}

/** Insertions, deletions, replacements and swaps of neighbours between two words; more than `limit` if that is passed. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit || a.length > MAX_LENGTH) return limit + 1
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (before[j - 2] ?? 0) + 1)
      }
      row.push(least)
    }
    before = last
    last = row
  }
  return last[b.length] ?? limit + 1
}

const MAX_LENGTH = 120
