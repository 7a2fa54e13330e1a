/** English words that say nothing about a text's subject; left out of indexes and questions. */
export const STOP_WORDS: ReadonlySet<string> = new Set(
  (
    'a an and are as at be been being but by can could did do does doing done for from had has have having he her his how i if in into ' +
    'is it its me my no not of on or our please shall she should so some such s t than that the their them then ' +
    'there these they this those to up us was we were what when where which who whom whose why will with would you your'
  ).split(' '),
)

/** What a question counts, or asks for one of: 「哪位」, 「几个」. */
const COUNTED = '[个位种名座条家所项本部只件届块类些里儿年天月日次]'

/**
 * Chinese function and question words. A run of characters is cut at them before it is made into bigrams, so that
 * 「怎么连」 and 「如何连」 give the same term and no bigram straddles a particle. What looks like one inside another word is
 * none: 「目的」 (but 「项目|的」), 「了解」, 「现在」, 「在线」, 「很|多高」, 「任何」.
 */
export const STOP_PHRASES = new RegExp(
  [
    '为什么|怎么样|是不是|有没有|能不能|可不可以|什么时候',
    `哪一?${COUNTED}?|几(?=${COUNTED})|(?<![很许更最众较诸过太])多[久长大高远]|(?<!任)何[时处地种人者物]`,
    '怎么|怎样|如何|什么|多少|为何|请问|是否|能否|可否|可以|一下|我们|你们|您|谁',
    '(?<!(?<![项题节数科栏名品账])目)的|了(?!解(?![决除释散答]))|吗|呢|(?<![酒网])吧|啊|呀|是',
    '(?<![存现所内外潜])在(?![线职岗校途编册建])|被(?![告动子])|把(?![握关手])|(?<!自)我|你',
  ].join('|'),
  'u',
)
