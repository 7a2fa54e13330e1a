/** Whether `path` fits `pattern`, in which `*` stands for any run of characters but `/`. */
export function matchesGlob(pattern: string, path: string): boolean {
  const wanted = pattern.split('/')
  const given = path.split('/')
  return wanted.length === given.length && wanted.every((part, i) => matchesPart(part, given[i] ?? ''))
}

/** Goes back to the last star only, which is enough: a regular expression with many stars may take for ever. */
function matchesPart(pattern: string, name: string): boolean {
  let p = 0
  let star = -1
  let resume = 0
  for (let n = 0; n < name.length; ) {
    if (pattern[p] === '*') {
      star = p++
      resume = n
    } else if (p < pattern.length && pattern[p] === name[n]) {
      p++
      n++
    } else if (star === -1) {
      return false
    } else {
      p = star + 1
      n = ++resume
    }
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
