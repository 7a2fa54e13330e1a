/** English words that say nothing about a text's subject; left out of indexes and questions. */
export const STOP_WORDS: ReadonlySet<string> = new Set(
  (
    'a an and are as at be been being but by can could did do does doing done for from had has have having he her his how i if in into ' +
    'is it its me my no not of on or our please shall she should so some such s t than that the their them then ' +
    'there these they this those to up us was we were what when where which who whom whose why will with would you your'
  ).split(' '),
)

/**
 * Chinese function and question words. A run of characters is cut at them before it is made into bigrams, so that
 * 「怎么连」 and 「如何连」 give the same term and no bigram straddles a particle.
 */
export const STOP_PHRASES = new RegExp(
  [
    '为什么|怎么样|是不是|有没有|能不能|可不可以|什么时候',
    '怎么|怎样|如何|什么|多少|哪些|哪个|哪里|哪儿|哪|为何|请问|是否|能否|可否|可以|一下|我们|你们|您|谁',
    '的|了|吗|呢|吧|啊|呀|是|在|被|把|我|你',
  ].join('|'),
  'u',
)
