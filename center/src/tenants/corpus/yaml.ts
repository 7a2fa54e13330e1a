import type { Entry } from '../testing/corpus.js'
import { TENANT } from '../testing/directory.js'

export const YAML: readonly Entry[] = [
  {
    what: 'a tab as indentation',
    files: { 'intents/it.yaml': 'it.vpn:\n\task: 怎么连\n\treply: 好\n' },
    problems: [
      [
        'intents/it.yaml:2:1 a tab cannot indent; use spaces',
        'intents/it.yaml:2:1 不能用制表符缩进，请用空格',
      ],
      [
        'intents/it.yaml:3:1 a tab cannot indent; use spaces',
        'intents/it.yaml:3:1 不能用制表符缩进，请用空格',
      ],
    ],
  },
  {
    what: 'a tab as indentation in a block',
    files: { 'intents/it.yaml': 'it.vpn:\n  ask: |\n\t怎么连\n  reply: 好\n' },
    problems: [
      [
        'intents/it.yaml:3:1 something is missing here: a colon, a quote, a comma or a bracket; a tab cannot indent; use spaces',
        'intents/it.yaml:3:1 这里缺少字符：冒号、引号、逗号或括号；不能用制表符缩进，请用空格',
      ],
    ],
  },
  {
    what: 'a line that YAML joins to the one above',
    files: { 'intents/it.yaml': 'it.vpn:\n  ask: 怎么连\n  reply: 打开\n    offline：稍后\n' },
    problems: [
      [
        'intents/it.yaml:4:5 YAML joins this line to the text above it; “：” is full-width: write “: ” with a space',
        'intents/it.yaml:4:5 YAML 会把这一行并入上面的文本；“：”是全角冒号，请写成半角“: ”，后面留一个空格',
      ],
    ],
  },
  {
    what: 'indentation that fits nothing',
    files: { 'intents/it.yaml': 'it.vpn:\n   ask: 怎么连\n  reply: 好\n' },
    problems: [
      [
        'intents/it.yaml:3:1 the indentation does not fit the lines around it, or a bracket above is not closed',
        'intents/it.yaml:3:1 缩进与上下文不一致，或上面有括号没有结束',
      ],
    ],
  },
  {
    what: 'an entry that is not indented',
    files: { 'intents/it.yaml': 'it.vpn:\nask: 怎么连\nreply: 好\n' },
    problems: [
      [
        'intents/it.yaml:1:1 it.vpn: must be a map, not empty',
        'intents/it.yaml:1:1 it.vpn: 应为映射，而不是空值',
      ],
      [
        'intents/it.yaml:2:1 ask: belongs to an intent: put it below an id such as “it.vpn:” and indent it',
        'intents/it.yaml:2:1 ask: 属于某个意图：请放到“it.vpn:”之类的 id 之下并缩进',
      ],
      [
        'intents/it.yaml:3:1 reply: belongs to an intent: put it below an id such as “it.vpn:” and indent it',
        'intents/it.yaml:3:1 reply: 属于某个意图：请放到“it.vpn:”之类的 id 之下并缩进',
      ],
    ],
  },
  {
    what: 'a bracket that is not closed',
    files: {
      'tenant.yaml': 'apiVersion: yizhan/v1\ntenant: acme\nname: {zh: 安科, en: Acme}\nlanguages: [zh, en\n',
    },
    problems: [
      [
        'tenant.yaml:5:1 the indentation does not fit the lines around it, or a bracket above is not closed',
        'tenant.yaml:5:1 缩进与上下文不一致，或上面有括号没有结束',
      ],
    ],
  },
  {
    what: 'a quote that is not closed',
    files: { 'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply: "好\n' },
    problems: [
      [
        'intents/it.yaml:7:1 something is missing here: a colon, a quote, a comma or a bracket',
        'intents/it.yaml:7:1 这里缺少字符：冒号、引号、逗号或括号',
      ],
    ],
  },
  {
    what: 'text after a quote',
    files: { 'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply: "好" 的\n' },
    problems: [
      [
        "intents/it.yaml:6:14 this does not belong here; a text with quotes inside needs other quotes around it: '…'",
        "intents/it.yaml:6:14 这里不应出现此内容；文本内有引号时，请在外面另加一种引号：'…'",
      ],
    ],
  },
  {
    what: 'a colon inside a text',
    files: {
      'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply: 注意: 先连网\n',
    },
    problems: [
      [
        'intents/it.yaml:6:10 a block cannot start on this line; a text with “: ” in it needs quotes around it',
        'intents/it.yaml:6:10 不能在这一行开始一个块；含有“: ”的文本需要加引号',
      ],
    ],
  },
  {
    what: 'a text that starts with @',
    files: { 'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply: @所有人\n' },
    problems: [
      [
        'intents/it.yaml:6:10 a text cannot start with this character; put it in quotes',
        'intents/it.yaml:6:10 文本不能以此字符开头，请加引号',
      ],
    ],
  },
  {
    what: 'an escape that does not exist',
    files: {
      'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply: "C:\\drive"\n',
    },
    problems: [
      [
        'intents/it.yaml:6:13 the quoted text has an unknown escape (\\)',
        'intents/it.yaml:6:13 引号内有无法识别的转义（\\）',
      ],
    ],
  },
  {
    what: 'a text cut off by #',
    files: { 'intents/it.yaml': 'it.vpn:\n  ask: 报错 #619 怎么办\n  reply: 好\n' },
    problems: [
      [
        'intents/it.yaml:2:10 YAML takes “#619 怎么办” for a comment; put the whole text in quotes, or write “# ” if it is one',
        'intents/it.yaml:2:10 YAML 会把“#619 怎么办”当作注释；请给整段文本加引号，若确为注释请写“# ”',
      ],
    ],
  },
  {
    what: 'a text that starts with #',
    files: { 'intents/it.yaml': 'it.vpn:\n  ask: #619 是什么\n  reply: 好\n' },
    problems: [
      [
        'intents/it.yaml:2:3 it.vpn.ask: must be questions, one a line after “ask: |”, not empty; YAML takes what follows “#” for a comment; put the text in quotes',
        'intents/it.yaml:2:3 it.vpn.ask: 应为问句：在“ask: |”之后每行一句，而不是空值；YAML 会把“#”之后当作注释，请给文本加引号',
      ],
    ],
  },
  {
    what: 'a # in braces',
    files: { 'intents/it.yaml': 'it.vpn: {ask: 报错 #619, reply: 好}\n' },
    problems: [
      [
        'intents/it.yaml:2:1 the indentation does not fit the lines around it, or a bracket above is not closed; YAML takes what follows “#” for a comment; put the text in quotes',
        'intents/it.yaml:2:1 缩进与上下文不一致，或上面有括号没有结束；YAML 会把“#”之后当作注释，请给文本加引号',
      ],
    ],
  },
  {
    what: 'a key twice',
    files: {
      'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply: 好\n  reply: 不\n',
    },
    problems: [
      ['intents/it.yaml:7:3 “reply” stands here twice', 'intents/it.yaml:7:3 “reply”在这里出现了两次'],
    ],
  },
  {
    what: 'an id twice in one file',
    files: { 'intents/it.yaml': 'it.vpn: {ask: 怎么连, reply: 好}\nit.vpn: {ask: 连不上, reply: 好}\n' },
    problems: [
      ['intents/it.yaml:2:1 “it.vpn” stands here twice', 'intents/it.yaml:2:1 “it.vpn”在这里出现了两次'],
    ],
  },
  {
    what: 'a second document',
    files: { 'tenant.yaml': `${TENANT}---\nx: y\n` },
    problems: [
      ['tenant.yaml:5:1 a second document starts here (---)', 'tenant.yaml:5:1 这里开始了第二个文档（---）'],
    ],
  },
  {
    what: 'a tag',
    files: {
      'tenant.yaml':
        'apiVersion: yizhan/v1\ntenant: acme\nname: {zh: 安科, en: !!str Acme}\nlanguages: [zh, en]\n',
    },
    problems: [['tenant.yaml:3:20 YAML tags (!) are not taken', 'tenant.yaml:3:20 不接受 YAML 标签（!）']],
  },
  {
    what: 'a directive',
    files: {
      'tenant.yaml':
        '%YAML 1.1\n---\napiVersion: yizhan/v1\ntenant: acme\nname: {zh: 安科, en: Acme}\nlanguages: [zh, en]\n',
    },
    problems: [
      ['tenant.yaml:1:1 YAML directives (%) are not taken', 'tenant.yaml:1:1 不接受 YAML 指令（%）'],
    ],
  },
  {
    what: 'an alias of nothing',
    files: { 'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply: *answer\n' },
    problems: [
      [
        'intents/it.yaml:1:1 its aliases (*) are unknown, or unfold to too much',
        'intents/it.yaml:1:1 别名（*）无法识别，或展开后过大',
      ],
    ],
  },
  {
    what: 'a key that reaches a prototype',
    files: { 'tenant.yaml': `${TENANT}messages: {__proto__: 好}\n` },
    problems: [['tenant.yaml:5:12 this name cannot be a key', 'tenant.yaml:5:12 此名称不能用作键']],
  },
  {
    what: 'a character in an id that cannot be seen',
    files: { 'intents/it.yaml': 'it.v\u200bpn:\n  ask: 怎么连\n  reply: 好\n' },
    problems: [
      [
        'intents/it.yaml:1:1 holds U+200B, which cannot be seen; type the name anew',
        'intents/it.yaml:1:1 含有看不见的字符 U+200B，请重新输入该名称',
      ],
    ],
  },
  {
    what: 'a space in a key that does not break',
    files: { 'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply\u00a0: 好\n' },
    problems: [
      [
        'intents/it.yaml:6:3 holds U+00A0, which cannot be seen; type the name anew',
        'intents/it.yaml:6:3 含有看不见的字符 U+00A0，请重新输入该名称',
      ],
    ],
  },
  {
    what: 'an id of combining characters',
    files: { 'intents/it.yaml': 'it.cafe\u0301: {ask: 怎么连, reply: 好}\n' },
    problems: [
      [
        'intents/it.yaml:1:1 is written with combining characters (not NFC); type the name anew',
        'intents/it.yaml:1:1 使用了组合字符（非 NFC 形式），请重新输入该名称',
      ],
    ],
  },
  {
    what: 'an empty file',
    files: { 'tenant.yaml': '' },
    problems: [['tenant.yaml:1:1 must be a map, not empty', 'tenant.yaml:1:1 应为映射，而不是空值']],
  },
  {
    what: 'a list where a map is meant',
    files: { 'intents/it.yaml': '- ask: 怎么连\n' },
    problems: [
      [
        'intents/it.yaml:1:1 must map intent ids to intents, such as “it.vpn:” and below it ask and reply',
        'intents/it.yaml:1:1 应为意图 id 到意图的映射，例如“it.vpn:”及其下的 ask 和 reply',
      ],
    ],
  },
  {
    what: 'a map where a list is meant',
    files: { 'tests/t.yaml': 'say: 怎么连\n' },
    problems: [
      [
        'tests/t.yaml:1:1 must be a list of tests, such as “- {say: hello, expect: {by: edge}}”',
        'tests/t.yaml:1:1 应为测试列表，例如“- {say: 你好, expect: {by: edge}}”',
      ],
    ],
  },
  {
    what: 'bytes that are not UTF-8',
    files: { 'intents/it.yaml': Buffer.from('it.vpn: ÿ', 'latin1') },
    problems: [['intents/it.yaml is not UTF-8', 'intents/it.yaml 不是 UTF-8 编码']],
  },
]
