/** What a question asks for, as its words tell, and what a text must show to hold such a thing. */
interface Kind {
  readonly asked: RegExp
  readonly shown: RegExp
}

const MONTH = 'january|february|march|april|may|june|july|august|september|october|november|december'
const NUMBER_WORD =
  'one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred|thousand|million|billion|half|third|quarter|percent'
const UNIT = '[个位次人种条名岁年月天小时分钟米公里英尺元块美万亿吨倍成％]'

/** The first that fits counts. */
const KINDS: readonly Kind[] = [
  {
    asked:
      /\bwhen\b|\bwhat (?:year|date|day|month|century|decade|time)\b|哪一?年|什么时[候间]|何时|几[年月点号]|哪个?(?:世纪|月|天)|哪[一]?天/i,
    shown: new RegExp(
      String.raw`\b(?:1\d{3}|20\d{2})s?\b|\b(?:${MONTH})\b|\b\d{1,2}:\d{2}\b|centur|世纪|\d\s*[年月日号点]|[一二三四五六七八九十]+[月日点]`,
      'i',
    ),
  },
  {
    asked:
      /\bhow (?:many|much|long|old|far|often|tall|high|large|big|fast|wide|deep)\b|多少|几|多[长大高远久宽深快重]|比例/i,
    shown: new RegExp(String.raw`\d|\b(?:${NUMBER_WORD})\b|[一二两三四五六七八九十百千万亿]+${UNIT}`, 'i'),
  },
  {
    asked: /\bwho(?:m|se)?\b|谁|哪位|哪个人|什么人/i,
    shown: /(?<=\S\s)\p{Lu}\p{Ll}+|[·•]|\p{Script=Han}(?:先生|女士|经理|主任|部|处|科|组|人|者|家)/u,
  },
]

/** 1: the text shows a thing of the kind that the question asks for; 0: it does not; a half where no kind is known. */
export function showsKind(question: string): (text: string) => number {
  const kind = KINDS.find(({ asked }) => asked.test(question))
  return kind ? (text) => (kind.shown.test(text) ? 1 : 0) : () => 0.5
}
