import type { Entry } from '../testing/corpus.js'

export const SLOTS: readonly Entry[] = [
  {
    what: 'a slot of a type that does not exist',
    files: {
      'intents/it.yaml':
        'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  slots: {from: {type: day, ask: 哪天}}\n  reply: 好\n',
    },
    problems: [
      [
        'intents/it.yaml:6:18 it.vpn.slots.from.type: must be one of text, number, percent, date, time, datetime, choice, name',
        'intents/it.yaml:6:18 it.vpn.slots.from.type: 应为 text、number、percent、date、time、datetime、choice、name 之一',
      ],
    ],
  },
  {
    what: 'a slot that asks nothing',
    files: {
      'intents/it.yaml':
        'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  slots: {from: {type: date}}\n  reply: 好\n',
    },
    problems: [
      [
        'intents/it.yaml:6:11 it.vpn.slots.from: needs “ask”',
        'intents/it.yaml:6:11 it.vpn.slots.from: 缺少“ask”',
      ],
    ],
  },
  {
    what: 'a slot name in capitals',
    files: {
      'intents/it.yaml':
        'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  slots: {From: {type: date, ask: 哪天}}\n  reply: 好\n',
    },
    problems: [
      [
        'intents/it.yaml:6:11 it.vpn.slots.From: unknown key; known here: a name of at most 40 of a-z, 0-9 and _, a letter first, such as from',
        'intents/it.yaml:6:11 it.vpn.slots.From: 未知的键；这里可用：至多 40 个字符、以字母开头、仅含 a-z、0-9 和 _ 的名称，例如 from',
      ],
    ],
  },
  {
    what: 'a choice without options',
    files: {
      'intents/it.yaml':
        'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  slots: {kind: {type: choice, ask: 哪种}}\n  reply: 好\n',
    },
    problems: [
      [
        'intents/it.yaml:6:11 it.vpn.slots.kind: a choice needs “options”, such as {annual: {zh: 年假, en: annual leave}}',
        'intents/it.yaml:6:11 it.vpn.slots.kind: choice 需要“options”，例如 {annual: {zh: 年假, en: annual leave}}',
      ],
    ],
  },
  {
    what: 'options of a date',
    files: {
      'intents/it.yaml':
        'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  slots: {from: {type: date, ask: 哪天, options: {a: 今天}}}\n  reply: 好\n',
    },
    problems: [
      [
        'intents/it.yaml:6:39 it.vpn.slots.from.options: only a slot of type choice has options',
        'intents/it.yaml:6:39 it.vpn.slots.from.options: 只有类型为 choice 的槽位才有 options',
      ],
    ],
  },
  {
    what: 'a placeholder of no slot',
    files: {
      'intents/it.yaml':
        'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  slots: {from: {type: date, ask: 哪天}}\n  reply: {zh: "从 {form} 起", en: "From {from}"}\n',
    },
    problems: [
      [
        'intents/it.yaml:7:11 it.vpn.reply.zh: there is no slot form; did you mean {from}?',
        'intents/it.yaml:7:11 it.vpn.reply.zh: 没有名为 form 的槽位，是不是 {from}？',
      ],
    ],
  },
  {
    what: 'a placeholder of no slot on the card',
    files: {
      'intents/it.yaml':
        'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  slots: {from: {type: date, ask: 哪天}}\n  reply: {card: leave}\n',
      'cards/leave.yaml': 'title: 请假\nfacts: [{name: 开始, value: "{form}"}]\n',
    },
    problems: [
      [
        'intents/it.yaml:7:11 it.vpn.reply.card: the card has {form}: there is no slot form; did you mean {from}?',
        'intents/it.yaml:7:11 it.vpn.reply.card: 卡片中有 {form}：没有名为 form 的槽位，是不是 {from}？',
      ],
    ],
  },
]
