import type { YAMLError } from 'yaml'
import type { Wording } from '../problem.js'

/** The library's own messages quote the file and are English only. */
const WORDINGS: Partial<Record<YAMLError['code'], Wording>> = {
  ALIAS_PROPS: { en: 'an alias takes no tag and no anchor', zh: '别名不能带标签或锚点' },
  BAD_ALIAS: { en: 'the alias is not well formed', zh: '别名写法有误' },
  BAD_DQ_ESCAPE: { en: 'the quoted text has an unknown escape (\\)', zh: '引号内有无法识别的转义（\\）' },
  BAD_INDENT: {
    en: 'the indentation does not fit the lines around it, or a bracket above is not closed',
    zh: '缩进与上下文不一致，或上面有括号没有结束',
  },
  BAD_SCALAR_START: {
    en: 'a text cannot start with this character; put it in quotes',
    zh: '文本不能以此字符开头，请加引号',
  },
  BLOCK_AS_IMPLICIT_KEY: { en: 'a block cannot start on this line', zh: '不能在这一行开始一个块' },
  BLOCK_IN_FLOW: { en: 'a block cannot stand inside brackets', zh: '括号内不能使用块' },
  MISSING_CHAR: {
    en: 'something is missing here: a colon, a quote, a comma or a bracket',
    zh: '这里缺少字符：冒号、引号、逗号或括号',
  },
  MULTILINE_IMPLICIT_KEY: {
    en: 'this is no “key: value” line',
    zh: '这一行不是“键: 值”的形式',
  },
  MULTIPLE_DOCS: { en: 'a second document starts here (---)', zh: '这里开始了第二个文档（---）' },
  NON_STRING_KEY: { en: 'a key must be text; put it in quotes', zh: '键必须是文本，请加引号' },
  TAB_AS_INDENT: { en: 'a tab cannot indent; use spaces', zh: '不能用制表符缩进，请用空格' },
  UNEXPECTED_TOKEN: { en: 'this does not belong here', zh: '这里不应出现此内容' },
}
const OTHER: Wording = { en: 'is not valid YAML here', zh: '此处不是有效的 YAML' }

export function yamlWording(code: YAMLError['code']): Wording {
  return WORDINGS[code] ?? OTHER
}
