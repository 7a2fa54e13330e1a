import { testRefusals } from './testing/directory.js'

const intent = (body: string) => ({ 'intents/it.yaml': `it.vpn:\n  ask: a question\n${body}` })

testRefusals([
  [
    'several things at once in one intent',
    {
      'intents/it.yaml':
        'a:\n  ask: >\n    x\n    y\n  reply: {forward: {knowledge: [none], colour: red}}\n  colour: red\n' +
        'b:\n  ask: x\n  reply: {cn: 好, colour: red}\n  offline: {cn: 好, Deutsch: Ja}\n',
    },
    [
      'intents/it.yaml:2:3 a.ask: YAML joins these lines to one question; write “ask: |” and then one question a line',
      'intents/it.yaml:5:33 a.reply.forward.knowledge.0: there is no knowledge named none',
      'intents/it.yaml:5:40 a.reply.forward.colour: unknown key; known here: knowledge',
      'intents/it.yaml:6:3 a.colour: unknown key; known here: ask, slots, reply, offline',
      'intents/it.yaml:9:11 b.reply.cn: is not one of the languages in tenant.yaml (zh, en)',
      'intents/it.yaml:9:18 b.reply.colour: unknown key; known here: text, card, skill, forward, handoff, or a language such as zh or en',
      'intents/it.yaml:10:13 b.offline.cn: is not one of the languages in tenant.yaml (zh, en)',
      'intents/it.yaml:10:20 b.offline.Deutsch: unknown key; known here: a language such as zh or en',
    ],
  ],
  [
    'no intents',
    { 'intents/it.yaml': undefined },
    ['intents holds no intent; a tenant needs at least one in intents/'],
  ],
  [
    'an unknown key of an intent',
    intent('  reply: hi\n  colour: red\n'),
    ['intents/it.yaml:4:3 it.vpn.colour: unknown key; known here: ask, slots, reply, offline'],
  ],
  [
    'an intent that is only a text',
    { 'intents/it.yaml': 'it.vpn: hello\n' },
    ['intents/it.yaml:1:1 it.vpn: must be a map, not text'],
  ],
  [
    'an unknown key deep in one form of a reply',
    {
      ...intent('  reply: {forward: {knowledge: [x], colour: red}}\n'),
      'knowledge.yaml': 'x: {files: [knowledge/x.md]}\n',
      'knowledge/x.md': '# X\n',
    },
    ['intents/it.yaml:3:37 it.vpn.reply.forward.colour: unknown key; known here: knowledge'],
  ],
  [
    'a reply with two forms',
    intent('  reply: {text: hi, skill: time}\n'),
    [
      'intents/it.yaml:3:3 it.vpn.reply: must be exactly one of text, card, skill, forward and handoff, or a text for each language',
    ],
  ],
  [
    'a reply that mixes a form with languages',
    intent('  reply: {skill: time, zh: 好}\n'),
    [
      'intents/it.yaml:3:3 it.vpn.reply: must be exactly one of text, card, skill, forward and handoff, or a text for each language',
    ],
  ],
  [
    'a card that is not there, and a slot that asks nothing',
    intent('  reply: {card: password}\n  slots: {from: {type: date}}\n'),
    [
      'intents/it.yaml:3:11 it.vpn.reply.card: there is no cards/password.yaml',
      'intents/it.yaml:4:11 it.vpn.slots.from: needs “ask”',
    ],
  ],
  [
    'a reply that is handed off',
    intent('  reply: {handoff: hr}\n'),
    ['intents/it.yaml:3:11 it.vpn.reply.handoff: there is no handoff hr in tenant.yaml'],
  ],
  [
    'a reply with a form that does not exist',
    intent('  reply: {colour: red}\n'),
    [
      'intents/it.yaml:3:11 it.vpn.reply.colour: unknown key; known here: text, card, skill, forward, handoff, or a language such as zh or en',
    ],
  ],
  ['an empty reply', intent('  reply: {}\n'), ['intents/it.yaml:3:3 it.vpn.reply: is empty']],
  ['a blank reply', intent('  reply: {zh: " "}\n'), ['intents/it.yaml:3:11 it.vpn.reply.zh: is empty']],
  [
    'a reply that YAML takes for a number',
    intent('  reply: {zh: 110}\n'),
    ['intents/it.yaml:3:11 it.vpn.reply.zh: must be text; YAML takes 110 for a number: put it in quotes'],
  ],
  [
    'questions as a list',
    { 'intents/it.yaml': 'it.vpn:\n  ask:\n    - a\n    - b\n  reply: hi\n' },
    ['intents/it.yaml:2:3 it.vpn.ask: must be questions, one a line after “ask: |”, not a list'],
  ],
  [
    'no question',
    { 'intents/it.yaml': 'it.vpn:\n  ask: |\n\n  reply: hi\n' },
    ['intents/it.yaml:2:3 it.vpn.ask: is empty'],
  ],
  [
    'questions without a value',
    { 'intents/it.yaml': 'it.vpn:\n  ask:\n  reply: hi\n' },
    ['intents/it.yaml:2:3 it.vpn.ask: must be questions, one a line after “ask: |”, not empty'],
  ],
  [
    'questions that YAML joins',
    {
      'intents/it.yaml':
        'it.vpn:\n  ask:\n    first\n    second\n  reply: hi\nit.b:\n  ask: >\n    x\n    y\n  reply: hi\n',
    },
    [
      'intents/it.yaml:2:3 it.vpn.ask: YAML joins these lines to one question; write “ask: |” and then one question a line',
      'intents/it.yaml:7:3 it.b.ask: YAML joins these lines to one question; write “ask: |” and then one question a line',
    ],
  ],
  [
    'an intent in two files',
    { 'intents/more.yaml': 'hr.leave: {ask: x, reply: y}\nit.vpn: {ask: x, reply: y}\n' },
    ['intents/more.yaml:2:1 it.vpn: stands already in intents/it.yaml; an intent has one place'],
  ],
  [
    'intent ids of another form',
    {
      'intents/more.yaml':
        'It.VPN: {ask: x, reply: y}\n“it.x”: {ask: x, reply: y}\noos: {ask: x, reply: y}\n',
    },
    [
      'intents/more.yaml:1:1 It.VPN: must be an intent id: at most 120 of a-z, 0-9, - and _, words joined by dots, such as it.vpn',
      'intents/more.yaml:2:1 “it.x”: must be an intent id: at most 120 of a-z, 0-9, - and _, words joined by dots, such as it.vpn; “ ” do not quote here: write "…"',
      'intents/more.yaml:3:1 oos: “oos” is what no intent fits; choose another id',
    ],
  ],
  [
    'a forward to a knowledge that does not exist',
    intent('  reply: {forward: {knowledge: [travel, it]}}\n'),
    [
      'intents/it.yaml:3:33 it.vpn.reply.forward.knowledge.0: there is no knowledge named travel',
      'intents/it.yaml:3:41 it.vpn.reply.forward.knowledge.1: there is no knowledge named it',
    ],
  ],
  [
    'a forward without knowledge',
    intent('  reply: {forward: {}}\n'),
    ['intents/it.yaml:3:11 it.vpn.reply.forward: needs “knowledge”'],
  ],
])
