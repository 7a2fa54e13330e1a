import type { Entry } from '../testing/corpus.js'
import { TENANT } from '../testing/directory.js'

export const PUNCTUATION: readonly Entry[] = [
  {
    what: 'a full-width colon after a key',
    files: { 'intents/it.yaml': 'it.vpn:\n  ask：怎么连\n  reply: 好\n' },
    problems: [
      [
        'intents/it.yaml:2:3 this is no “key: value” line; “：” is full-width: write “: ” with a space',
        'intents/it.yaml:2:3 这一行不是“键: 值”的形式；“：”是全角冒号，请写成半角“: ”，后面留一个空格',
      ],
    ],
  },
  {
    what: 'a full-width colon after an id',
    files: { 'intents/it.yaml': 'it.vpn：\n  ask: 怎么连\n  reply: 好\n' },
    problems: [
      [
        'intents/it.yaml:1:1 this is no “key: value” line; “：” is full-width: write “: ” with a space',
        'intents/it.yaml:1:1 这一行不是“键: 值”的形式；“：”是全角冒号，请写成半角“: ”，后面留一个空格',
      ],
      [
        'intents/it.yaml:2:8 a block cannot start on this line; “：” is full-width: write “: ” with a space',
        'intents/it.yaml:2:8 不能在这一行开始一个块；“：”是全角冒号，请写成半角“: ”，后面留一个空格',
      ],
    ],
  },
  {
    what: 'a full-width colon in braces',
    files: { 'intents/it.yaml': 'it.vpn: {ask：怎么连, reply: 好}\n' },
    problems: [
      [
        'intents/it.yaml:1:1 it.vpn: needs “ask”; “：” is full-width: write “: ” with a space',
        'intents/it.yaml:1:1 it.vpn: 缺少“ask”；“：”是全角冒号，请写成半角“: ”，后面留一个空格',
      ],
      [
        'intents/it.yaml:1:10 it.vpn.ask：怎么连: unknown key; known here: ask, slots, reply, offline; “：” is full-width: write “: ” with a space',
        'intents/it.yaml:1:10 it.vpn.ask：怎么连: 未知的键；这里可用：ask、slots、reply、offline；“：”是全角冒号，请写成半角“: ”，后面留一个空格',
      ],
    ],
  },
  {
    what: 'a full-width colon after a language',
    files: {
      'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply: {zh：好, en: OK}\n',
    },
    problems: [
      [
        'intents/it.yaml:6:11 it.vpn.reply.zh：好: unknown key; known here: text, card, skill, forward, handoff, or a language such as zh or en; “：” is full-width: write “: ” with a space',
        'intents/it.yaml:6:11 it.vpn.reply.zh：好: 未知的键；这里可用：text、card、skill、forward、handoff，或 zh、en 之类的语言代码；“：”是全角冒号，请写成半角“: ”，后面留一个空格',
      ],
    ],
  },
  {
    what: 'a full-width dash in a list',
    files: { 'tests/t.yaml': '- {say: a, expect: {by: edge}}\n－ {say: b, expect: {by: edge}}\n' },
    problems: [
      [
        'tests/t.yaml:2:1 this does not belong here; “－” is full-width: write “- ” with a space',
        'tests/t.yaml:2:1 这里不应出现此内容；“－”是全角符号，请写成半角“- ”，后面留一个空格',
      ],
    ],
  },
  {
    what: 'full-width quotes',
    files: {
      'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply: {zh: “你好, 世界”}\n',
    },
    problems: [
      [
        'intents/it.yaml:6:20 it.vpn.reply.世界”: unknown key; known here: text, card, skill, forward, handoff, or a language such as zh or en; “ ” do not quote here: write "…"',
        'intents/it.yaml:6:20 it.vpn.reply.世界”: 未知的键；这里可用：text、card、skill、forward、handoff，或 zh、en 之类的语言代码；“ ”不是引号，请用半角 "…"',
      ],
    ],
  },
  {
    what: 'full-width braces',
    files: {
      'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply: ｛zh: 好, en: OK｝\n',
    },
    problems: [
      [
        'intents/it.yaml:6:10 a block cannot start on this line; “｛｝” are full-width: write “{}”',
        'intents/it.yaml:6:10 不能在这一行开始一个块；“｛｝”是全角括号，请写成半角“{}”',
      ],
    ],
  },
  {
    what: 'full-width brackets',
    files: {
      'tenant.yaml':
        'apiVersion: yizhan/v1\ntenant: acme\nname: {zh: 安科, en: Acme}\nlanguages: ［zh, en］\n',
    },
    problems: [
      [
        'tenant.yaml:4:1 languages: must be a list, not text; “［］” are full-width: write “[]”',
        'tenant.yaml:4:1 languages: 应为列表，而不是文本；“［］”是全角括号，请写成半角“[]”',
      ],
    ],
  },
  {
    what: 'a full-width comma in a list',
    files: {
      'tenant.yaml': 'apiVersion: yizhan/v1\ntenant: acme\nname: {zh: 安科, en: Acme}\nlanguages: [zh，en]\n',
    },
    problems: [
      [
        'tenant.yaml:4:13 languages.0: must be a language such as zh or en; “，” is full-width: write “, ” with a space',
        'tenant.yaml:4:13 languages.0: 应为 zh、en 之类的语言代码；“，”是全角逗号，请写成半角“, ”，后面留一个空格',
      ],
    ],
  },
  {
    what: 'a full-width comma in a map',
    files: {
      'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply: {zh: 好，en: OK}\n',
    },
    problems: [
      [
        'intents/it.yaml:6:15 a block cannot stand inside brackets; “，” is full-width: write “, ” with a space',
        'intents/it.yaml:6:15 括号内不能使用块；“，”是全角逗号，请写成半角“, ”，后面留一个空格',
      ],
    ],
  },
  {
    what: 'a full-width comma between suggestions',
    files: { 'tenant.yaml': `${TENANT}welcome: {text: 您好, suggest: [it.vpn，it.wifi]}\n` },
    problems: [
      [
        'tenant.yaml:5:31 welcome.suggest.0: there is no intent named it.vpn，it.wifi; “，” is full-width: write “, ” with a space',
        'tenant.yaml:5:31 welcome.suggest.0: 没有名为 it.vpn，it.wifi 的意图；“，”是全角逗号，请写成半角“, ”，后面留一个空格',
      ],
    ],
  },
  {
    what: 'no space after a colon',
    files: { 'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply:{zh: 好}\n' },
    problems: [
      ['intents/it.yaml:1:1 it.vpn: needs “reply”', 'intents/it.yaml:1:1 it.vpn: 缺少“reply”'],
      [
        'intents/it.yaml:6:3 it.vpn.reply:{zh: unknown key; known here: ask, slots, reply, offline; a space is missing after “:”',
        'intents/it.yaml:6:3 it.vpn.reply:{zh: 未知的键；这里可用：ask、slots、reply、offline；“:”后面缺一个空格',
      ],
    ],
  },
  {
    what: 'no space after a colon in braces',
    files: {
      'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply: {zh:好, en: OK}\n',
    },
    problems: [
      [
        'intents/it.yaml:6:11 it.vpn.reply.zh:好: unknown key; known here: text, card, skill, forward, handoff, or a language such as zh or en; a space is missing after “:”',
        'intents/it.yaml:6:11 it.vpn.reply.zh:好: 未知的键；这里可用：text、card、skill、forward、handoff，或 zh、en 之类的语言代码；“:”后面缺一个空格',
      ],
    ],
  },
  {
    what: 'no space after a dash',
    files: { 'tests/t.yaml': '-{say: a, expect: {by: edge}}\n' },
    problems: [
      [
        'tests/t.yaml:1:8 a block cannot start on this line; a space is missing after “-”',
        'tests/t.yaml:1:8 不能在这一行开始一个块；“-”后面缺一个空格',
      ],
    ],
  },
  {
    what: 'a full-width space as indentation',
    files: { 'intents/it.yaml': 'it.vpn:\n\u3000ask: 怎么连\n\u3000reply: 好\n' },
    problems: [
      [
        'intents/it.yaml:2:1 a full-width space cannot indent; use spaces',
        'intents/it.yaml:2:1 不能用全角空格缩进，请用半角空格',
      ],
      [
        'intents/it.yaml:3:1 a full-width space cannot indent; use spaces',
        'intents/it.yaml:3:1 不能用全角空格缩进，请用半角空格',
      ],
    ],
  },
  {
    what: 'full-width signs in opening hours',
    files: { 'tenant.yaml': `${TENANT}handoff: {hr: {channel: web, hours: 周一至周五 09：00－18：00}}\n` },
    problems: [
      [
        'tenant.yaml:5:30 handoff.hr.hours: has full-width signs; write “周一至周五 09:00-18:00”',
        'tenant.yaml:5:30 handoff.hr.hours: 含有全角符号，请写成“周一至周五 09:00-18:00”',
      ],
    ],
  },
]
