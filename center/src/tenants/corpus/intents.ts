import type { Entry } from '../testing/corpus.js'
import { TENANT } from '../testing/directory.js'

export const INTENTS: readonly Entry[] = [
  {
    what: 'questions as a list',
    files: { 'intents/it.yaml': 'it.vpn:\n  ask:\n    - 怎么连\n    - 连不上\n  reply: 好\n' },
    problems: [
      [
        'intents/it.yaml:2:3 it.vpn.ask: must be questions, one a line after “ask: |”, not a list',
        'intents/it.yaml:2:3 it.vpn.ask: 应为问句：在“ask: |”之后每行一句，而不是列表',
      ],
    ],
  },
  {
    what: 'questions that YAML folds to one',
    files: { 'intents/it.yaml': 'it.vpn:\n  ask: >\n    怎么连\n    连不上\n  reply: 好\n' },
    problems: [
      [
        'intents/it.yaml:2:3 it.vpn.ask: YAML joins these lines to one question; write “ask: |” and then one question a line',
        'intents/it.yaml:2:3 it.vpn.ask: YAML 会把这些行并成一句；请写“ask: |”，之后每行一句',
      ],
    ],
  },
  {
    what: 'questions without a block',
    files: { 'intents/it.yaml': 'it.vpn:\n  ask: 怎么连\n    连不上\n  reply: 好\n' },
    problems: [
      [
        'intents/it.yaml:2:3 it.vpn.ask: YAML joins these lines to one question; write “ask: |” and then one question a line',
        'intents/it.yaml:2:3 it.vpn.ask: YAML 会把这些行并成一句；请写“ask: |”，之后每行一句',
      ],
    ],
  },
  {
    what: 'a question that is a number',
    files: { 'intents/it.yaml': 'it.vpn:\n  ask: 007\n  reply: 好\n' },
    problems: [
      [
        'intents/it.yaml:2:3 it.vpn.ask: must be questions, one a line after “ask: |”; YAML takes 007 for a number: put it in quotes',
        'intents/it.yaml:2:3 it.vpn.ask: 应为问句：在“ask: |”之后每行一句；YAML 会把 007 当作数字，请加引号',
      ],
    ],
  },
  {
    what: 'a reply that is a number',
    files: {
      'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply: {zh: 8110, en: 1e3}\n',
    },
    problems: [
      [
        'intents/it.yaml:6:11 it.vpn.reply.zh: must be text; YAML takes 8110 for a number: put it in quotes',
        'intents/it.yaml:6:11 it.vpn.reply.zh: 应为文本；YAML 会把 8110 当作数字，请加引号',
      ],
      [
        'intents/it.yaml:6:21 it.vpn.reply.en: must be text; YAML takes 1e3 for a number: put it in quotes',
        'intents/it.yaml:6:21 it.vpn.reply.en: 应为文本；YAML 会把 1e3 当作数字，请加引号',
      ],
    ],
  },
  {
    what: 'a reply that is nothing',
    files: { 'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply: ~\n' },
    problems: [
      [
        'intents/it.yaml:6:3 it.vpn.reply: must be text, a text for each language, or one of text, card, skill, forward and handoff; YAML takes ~ for nothing: put it in quotes',
        'intents/it.yaml:6:3 it.vpn.reply: 应为文本、每种语言各一段文本，或 text、card、skill、forward、handoff 之一；YAML 会把 ~ 当作空值，请加引号',
      ],
    ],
  },
  {
    what: 'a reply that is left out',
    files: { 'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply:\n' },
    problems: [
      [
        'intents/it.yaml:6:3 it.vpn.reply: must be text, a text for each language, or one of text, card, skill, forward and handoff, not empty',
        'intents/it.yaml:6:3 it.vpn.reply: 应为文本、每种语言各一段文本，或 text、card、skill、forward、handoff 之一，而不是空值',
      ],
    ],
  },
  {
    what: 'a reply that is true',
    files: { 'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply: true\n' },
    problems: [
      [
        'intents/it.yaml:6:3 it.vpn.reply: must be text, a text for each language, or one of text, card, skill, forward and handoff; YAML takes true for yes or no: put it in quotes',
        'intents/it.yaml:6:3 it.vpn.reply: 应为文本、每种语言各一段文本，或 text、card、skill、forward、handoff 之一；YAML 会把 true 当作真假值，请加引号',
      ],
    ],
  },
  {
    what: 'no question',
    files: { 'intents/it.yaml': 'it.vpn:\n  ask: |\n\n  reply: 好\n' },
    problems: [['intents/it.yaml:2:3 it.vpn.ask: is empty', 'intents/it.yaml:2:3 it.vpn.ask: 不能为空']],
  },
  {
    what: 'no reply',
    files: { 'intents/it.yaml': 'it.vpn: {ask: 怎么连}\n' },
    problems: [['intents/it.yaml:1:1 it.vpn: needs “reply”', 'intents/it.yaml:1:1 it.vpn: 缺少“reply”']],
  },
  {
    what: 'a mistyped key',
    files: { 'intents/it.yaml': 'it.vpn:\n  aks: 怎么连\n  replay: 好\n' },
    problems: [
      ['intents/it.yaml:1:1 it.vpn: needs “ask”', 'intents/it.yaml:1:1 it.vpn: 缺少“ask”'],
      ['intents/it.yaml:1:1 it.vpn: needs “reply”', 'intents/it.yaml:1:1 it.vpn: 缺少“reply”'],
      [
        'intents/it.yaml:2:3 it.vpn.aks: unknown key; did you mean ask? Known here: ask, slots, reply, offline',
        'intents/it.yaml:2:3 it.vpn.aks: 未知的键，是不是 ask？这里可用：ask、slots、reply、offline',
      ],
      [
        'intents/it.yaml:3:3 it.vpn.replay: unknown key; did you mean reply? Known here: ask, slots, reply, offline',
        'intents/it.yaml:3:3 it.vpn.replay: 未知的键，是不是 reply？这里可用：ask、slots、reply、offline',
      ],
    ],
  },
  {
    what: 'two forms of a reply',
    files: {
      'intents/it.yaml':
        'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply: {text: 好, skill: time}\n',
    },
    problems: [
      [
        'intents/it.yaml:6:3 it.vpn.reply: must be exactly one of text, card, skill, forward and handoff, or a text for each language',
        'intents/it.yaml:6:3 it.vpn.reply: 应为 text、card、skill、forward、handoff 五者之一，或每种语言各一段文本',
      ],
    ],
  },
  {
    what: 'a form beside a language',
    files: {
      'intents/it.yaml':
        'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply: {card: password, zh: 好}\n',
    },
    problems: [
      [
        'intents/it.yaml:6:3 it.vpn.reply: must be exactly one of text, card, skill, forward and handoff, or a text for each language',
        'intents/it.yaml:6:3 it.vpn.reply: 应为 text、card、skill、forward、handoff 五者之一，或每种语言各一段文本',
      ],
      [
        'intents/it.yaml:6:11 it.vpn.reply.card: there is no cards/password.yaml',
        'intents/it.yaml:6:11 it.vpn.reply.card: 没有 cards/password.yaml',
      ],
    ],
  },
  {
    what: 'a mistyped form',
    files: {
      'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply: {skil: time}\n',
    },
    problems: [
      [
        'intents/it.yaml:6:11 it.vpn.reply.skil: unknown key; did you mean skill? Known here: text, card, skill, forward, handoff, or a language such as zh or en',
        'intents/it.yaml:6:11 it.vpn.reply.skil: 未知的键，是不是 skill？这里可用：text、card、skill、forward、handoff，或 zh、en 之类的语言代码',
      ],
    ],
  },
  {
    what: 'a language that the tenant does not have',
    files: {
      'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply: {cn: 好, en: OK}\n',
    },
    problems: [
      [
        'intents/it.yaml:6:11 it.vpn.reply.cn: is not one of the languages in tenant.yaml (zh, en)',
        'intents/it.yaml:6:11 it.vpn.reply.cn: 不在 tenant.yaml 的 languages 中（zh、en）',
      ],
    ],
  },
  {
    what: 'a card that is not there',
    files: {
      'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply: {card: pasword}\n',
      'cards/password.yaml': 'title: 密码\n',
    },
    problems: [
      [
        'intents/it.yaml:6:11 it.vpn.reply.card: there is no cards/pasword.yaml; did you mean password?',
        'intents/it.yaml:6:11 it.vpn.reply.card: 没有 cards/pasword.yaml，是不是 password？',
      ],
    ],
  },
  {
    what: 'a hand-off that is not there',
    files: {
      'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply: {handoff: rh}\n',
      'tenant.yaml': `${TENANT}handoff: {hr: {channel: web}}\n`,
    },
    problems: [
      [
        'intents/it.yaml:6:11 it.vpn.reply.handoff: there is no handoff rh in tenant.yaml; did you mean hr?',
        'intents/it.yaml:6:11 it.vpn.reply.handoff: tenant.yaml 的 handoff 中没有 rh，是不是 hr？',
      ],
    ],
  },
  {
    what: 'a knowledge that is not there',
    files: {
      'intents/it.yaml':
        'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply: {forward: {knowledge: [travel]}}\n',
    },
    problems: [
      [
        'intents/it.yaml:6:33 it.vpn.reply.forward.knowledge.0: there is no knowledge named travel',
        'intents/it.yaml:6:33 it.vpn.reply.forward.knowledge.0: 没有名为 travel 的知识库',
      ],
    ],
  },
  {
    what: 'an id in capitals',
    files: { 'intents/it.yaml': 'IT.VPN: {ask: 怎么连, reply: 好}\n' },
    problems: [
      [
        'intents/it.yaml:1:1 IT.VPN: must be an intent id: at most 120 of a-z, 0-9, - and _, words joined by dots, such as it.vpn',
        'intents/it.yaml:1:1 IT.VPN: 应为意图 id：至多 120 个 a-z、0-9、-、_，用点连接，例如 it.vpn',
      ],
    ],
  },
  {
    what: 'the id of what fits no intent',
    files: { 'intents/it.yaml': 'oos: {ask: 怎么连, reply: 好}\n' },
    problems: [
      [
        'intents/it.yaml:1:1 oos: “oos” is what no intent fits; choose another id',
        'intents/it.yaml:1:1 oos: “oos”表示没有合适的意图，请换一个 id',
      ],
    ],
  },
  {
    what: 'an id in two files',
    files: { 'intents/more.yaml': 'it.vpn: {ask: 别的, reply: 好}\n' },
    problems: [
      [
        'intents/more.yaml:1:1 it.vpn: stands already in intents/it.yaml; an intent has one place',
        'intents/more.yaml:1:1 it.vpn: 已在 intents/it.yaml 中定义；一个意图只能写在一处',
      ],
    ],
  },
  {
    what: 'a question of two intents',
    files: { 'intents/more.yaml': 'it.wifi:\n  ask: |\n    无线网\n    怎么连VPN？\n  reply: 好\n' },
    problems: [
      [
        'intents/more.yaml:4:5 it.wifi.ask: “怎么连VPN？” is also a question of it.vpn (intents/it.yaml:3:5); keep it in one of them',
        'intents/more.yaml:4:5 it.wifi.ask: “怎么连VPN？”也是 it.vpn 的问句（intents/it.yaml:3:5）；只保留一处',
      ],
    ],
  },
  {
    what: 'no intent at all',
    files: { 'intents/it.yaml': undefined },
    problems: [
      [
        'intents holds no intent; a tenant needs at least one in intents/',
        'intents 没有意图；至少要在 intents/ 中写一个',
      ],
    ],
  },
  {
    what: 'few questions',
    files: { 'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    how\n  reply: 好\n' },
    warnings: [
      [
        'intents/it.yaml:3:5 it.vpn.ask: the intent has 2 questions; from 3 on it is recognised more surely',
        'intents/it.yaml:3:5 it.vpn.ask: 该意图只有 2 个问句；至少 3 个才较容易识别',
      ],
    ],
  },
  {
    what: 'questions in one of two languages',
    files: { 'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    断线\n  reply: 好\n' },
    warnings: [
      [
        'intents/it.yaml:3:5 it.vpn.ask: the intent has no question in en',
        'intents/it.yaml:3:5 it.vpn.ask: 该意图没有 en 的问句',
      ],
    ],
  },
  {
    what: 'a language that a reply lacks',
    files: { 'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply: {zh: 好}\n' },
    warnings: [
      [
        'intents/it.yaml:6:3 it.vpn.reply: has no en; who asks in it gets zh',
        'intents/it.yaml:6:3 it.vpn.reply: 缺少 en；用该语言提问的人会得到 zh',
      ],
    ],
  },
  {
    what: 'a question twice in one intent',
    files: {
      'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n    怎么连？\n  reply: 好\n',
    },
    warnings: [
      [
        'intents/it.yaml:6:5 it.vpn.ask: “怎么连？” stands already at intents/it.yaml:3:5',
        'intents/it.yaml:6:5 it.vpn.ask: “怎么连？”已写在 intents/it.yaml:3:5',
      ],
    ],
  },
  {
    what: 'dashes in a block of questions',
    files: { 'intents/it.yaml': 'it.vpn:\n  ask: |\n    - 怎么连\n    - 连不上\n    - how\n  reply: 好\n' },
    warnings: [
      [
        'intents/it.yaml:3:5 it.vpn.ask: the “-” becomes part of the question; in a block every line is a question already',
        'intents/it.yaml:3:5 it.vpn.ask: “-”会成为问句的一部分；块中每行本来就是一个问句',
      ],
      [
        'intents/it.yaml:4:5 it.vpn.ask: the “-” becomes part of the question; in a block every line is a question already',
        'intents/it.yaml:4:5 it.vpn.ask: “-”会成为问句的一部分；块中每行本来就是一个问句',
      ],
      [
        'intents/it.yaml:5:5 it.vpn.ask: the “-” becomes part of the question; in a block every line is a question already',
        'intents/it.yaml:5:5 it.vpn.ask: “-”会成为问句的一部分；块中每行本来就是一个问句',
      ],
    ],
  },
]
