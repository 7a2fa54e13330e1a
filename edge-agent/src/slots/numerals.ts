const DIGITS = '零一二三四五六七八九'
const UNITS: ReadonlyMap<string, number> = new Map([
  ['十', 10],
  ['百', 100],
  ['千', 1_000],
])
const WORDS = [
  ...['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'],
  ...['eleven', 'twelve', 'thirteen', 'fourteen', 'fifteen', 'sixteen', 'seventeen', 'eighteen', 'nineteen'],
]
const TENS = ['twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'ninety']

/** Characters of a Chinese number, as the inside of a character class. */
export const CHINESE_NUMERAL = '零〇一二两三四五六七八九十百千万亿'

/** 十二 → 12, 三百零五 → 305, 一亿两千万 → 120000000, 二〇二六 → 2026; undefined if the characters make no number. */
export function chineseNumber(text: string): number | undefined {
  const plain = text.replaceAll('〇', '零').replaceAll('两', '二')
  return inParts(plain, '亿', 100_000_000, (part) => inParts(part, '万', 10_000, belowTenThousand))
}

/** What stands before and behind a unit, each read by `read`; without the unit the whole. */
function inParts(
  text: string,
  unit: string,
  size: number,
  read: (part: string) => number | undefined,
): number | undefined {
  const [above = '', below, ...more] = text.split(unit)
  if (below === undefined) return read(above)
  const [high, low] = [read(above), below === '' ? 0 : read(below)]
  return more.length > 0 || high === undefined || low === undefined ? undefined : high * size + low
}

function belowTenThousand(text: string): number | undefined {
  if (/^[零一二三四五六七八九]+$/u.test(text)) {
    return Number([...text].map((character) => DIGITS.indexOf(character)).join(''))
  }
  let sum = 0
  let digit: number | undefined
  let lastUnit = Number.POSITIVE_INFINITY
  for (const character of text) {
    const unit = UNITS.get(character)
    if (unit === undefined) {
      if (digit !== undefined && digit !== 0) return undefined
      digit = DIGITS.indexOf(character)
      if (digit < 0) return undefined
      continue
    }
    if (unit >= lastUnit) return undefined
    sum += (digit ?? 1) * unit
    lastUnit = unit
    digit = undefined
  }
  return text === '' ? undefined : sum + (digit ?? 0)
}

/** twelve → 12, twenty-one → 21; undefined for any other word. */
export function englishNumber(word: string): number | undefined {
  const small = WORDS.indexOf(word)
  if (small >= 0) return small
  const [tens = '', ones, ...more] = word.split('-')
  const at = TENS.indexOf(tens)
  if (at < 0 || more.length > 0) return undefined
  const base = (at + 2) * 10
  if (ones === undefined) return base
  const last = WORDS.indexOf(ones)
  return last >= 1 && last <= 9 ? base + last : undefined
}
