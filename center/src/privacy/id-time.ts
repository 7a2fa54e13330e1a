const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const ID = /^[a-z]+_([0-9a-hjkmnp-tv-z]{10})[0-9a-hjkmnp-tv-z]{16}$/

/** When an id of `newId` was made, milliseconds since the Unix epoch; undefined for any other text. */
export function idTime(id: string): number | undefined {
  const [, digits] = ID.exec(id) ?? []
  if (digits === undefined) return undefined
  let time = 0
  for (const digit of digits) time = time * 32 + ALPHABET.indexOf(digit)
  return time
}
