import type { Entry } from '../testing/corpus.js'

export const CONTENT: readonly Entry[] = [
  {
    what: 'a button with http',
    files: { 'cards/a.yaml': 'title: 密码\nbuttons: [{label: 打开, url: "http://a.example"}]\n' },
    problems: [
      [
        'cards/a.yaml:2:23 buttons.0.url: must be an address that starts with https://, mailto: or tel:',
        'cards/a.yaml:2:23 buttons.0.url: 应为以 https://、mailto: 或 tel: 开头的地址',
      ],
    ],
  },
  {
    what: 'a button with a script',
    files: { 'cards/a.yaml': 'title: 密码\nbuttons: [{label: 打开, url: "javascript:alert(1)"}]\n' },
    problems: [
      [
        'cards/a.yaml:2:23 buttons.0.url: must be an address that starts with https://, mailto: or tel:',
        'cards/a.yaml:2:23 buttons.0.url: 应为以 https://、mailto: 或 tel: 开头的地址',
      ],
    ],
  },
  {
    what: 'a button that does two things',
    files: {
      'cards/a.yaml': 'title: 密码\nbuttons: [{label: 打开, url: "https://a.example", intent: it.vpn}]\n',
    },
    problems: [
      [
        'cards/a.yaml:2:11 buttons.0: needs exactly one of intent, command, say, url, not 2 (intent, url)',
        'cards/a.yaml:2:11 buttons.0: 应恰好有 intent、command、say、url 之一，而不是 2 个（intent、url）',
      ],
    ],
  },
  {
    what: 'a button that does nothing',
    files: { 'cards/a.yaml': 'title: 密码\nbuttons: [{label: 打开}]\n' },
    problems: [
      [
        'cards/a.yaml:2:11 buttons.0: needs exactly one of intent, command, say, url',
        'cards/a.yaml:2:11 buttons.0: 应恰好有 intent、command、say、url 之一',
      ],
    ],
  },
  {
    what: 'a button for an intent that is not there',
    files: { 'cards/a.yaml': 'title: 密码\nbuttons: [{label: 打开, intent: it.vnp}]\n' },
    problems: [
      [
        'cards/a.yaml:2:23 buttons.0.intent: there is no intent named it.vnp; did you mean it.vpn?',
        'cards/a.yaml:2:23 buttons.0.intent: 没有名为 it.vnp 的意图，是不是 it.vpn？',
      ],
    ],
  },
  {
    what: 'a button with a command that does not exist',
    files: { 'cards/a.yaml': 'title: 密码\nbuttons: [{label: 人工, command: /person}]\n' },
    warnings: [
      ['cards/a.yaml no intent shows this card', 'cards/a.yaml 没有意图使用这张卡片'],
      [
        'cards/a.yaml:2:23 buttons.0.command: is no command of the chat (/help, /status, /new, /cancel, /lang, /human)',
        'cards/a.yaml:2:23 buttons.0.command: 不是聊天指令（/help、/status、/new、/cancel、/lang、/human）',
      ],
    ],
  },
  {
    what: 'a card without a title',
    files: { 'cards/a.yaml': 'text: 密码\n' },
    problems: [['cards/a.yaml:1:1 needs “title”', 'cards/a.yaml:1:1 缺少“title”']],
  },
  {
    what: 'a fact that is a number',
    files: { 'cards/a.yaml': 'title: 电话\nfacts: [{name: IT, value: 8110}]\n' },
    problems: [
      [
        'cards/a.yaml:2:20 facts.0.value: must be text, or a text for each language; YAML takes 8110 for a number: put it in quotes',
        'cards/a.yaml:2:20 facts.0.value: 应为文本，或每种语言各一段文本；YAML 会把 8110 当作数字，请加引号',
      ],
    ],
  },
  {
    what: 'too many buttons',
    files: {
      'cards/a.yaml':
        'title: 密码\nbuttons:\n  - {label: 打开, intent: it.vpn}\n  - {label: 打开, intent: it.vpn}\n  - {label: 打开, intent: it.vpn}\n  - {label: 打开, intent: it.vpn}\n  - {label: 打开, intent: it.vpn}\n  - {label: 打开, intent: it.vpn}\n  - {label: 打开, intent: it.vpn}\n',
    },
    problems: [['cards/a.yaml:2:1 buttons: has more than 6 entries', 'cards/a.yaml:2:1 buttons: 超过 6 项']],
  },
  {
    what: 'a card whose file has a name in capitals',
    files: { 'cards/Pass Word.yaml': 'title: 密码\n' },
    problems: [
      [
        'cards/Pass Word.yaml the name of a card is its file name: at most 63 of a-z, 0-9 and -',
        'cards/Pass Word.yaml 卡片的名称即文件名：至多 63 个字符，仅含 a-z、0-9 和 -',
      ],
    ],
  },
  {
    what: 'a card that nobody shows, lacking a language',
    files: { 'cards/a.yaml': 'title: {zh: 密码}\n' },
    warnings: [
      ['cards/a.yaml no intent shows this card', 'cards/a.yaml 没有意图使用这张卡片'],
      [
        'cards/a.yaml:1:1 title: has no en; who asks in it gets zh',
        'cards/a.yaml:1:1 title: 缺少 en；用该语言提问的人会得到 zh',
      ],
    ],
  },
  {
    what: 'knowledge that matches no file',
    files: { 'knowledge.yaml': 'a: {files: [knowledge/x-*.md]}\n' },
    problems: [
      ['knowledge.yaml:1:13 a.files.0: matches no file', 'knowledge.yaml:1:13 a.files.0: 没有匹配的文件'],
    ],
  },
  {
    what: 'a document in no knowledge',
    files: { 'knowledge/a.md': '# A' },
    problems: [
      [
        'knowledge/a.md is in no knowledge; name it in knowledge.yaml',
        'knowledge/a.md 不属于任何知识库；请在 knowledge.yaml 中列出',
      ],
    ],
  },
  {
    what: 'a document in two knowledges',
    files: {
      'knowledge.yaml': 'a: {files: [knowledge/*.md]}\nb: {files: [knowledge/a.md]}\n',
      'knowledge/a.md': '# A',
    },
    problems: [
      [
        'knowledge.yaml:2:13 b.files.0: knowledge/a.md is already in a',
        'knowledge.yaml:2:13 b.files.0: knowledge/a.md 已属于 a',
      ],
    ],
  },
  {
    what: 'knowledge outside its folder',
    files: { 'knowledge.yaml': 'a: {files: [../a.md]}\n' },
    problems: [
      [
        'knowledge.yaml:1:13 a.files.0: must stay below knowledge/, such as knowledge/travel-*.md',
        'knowledge.yaml:1:13 a.files.0: 必须位于 knowledge/ 之下，例如 knowledge/travel-*.md',
      ],
    ],
  },
  {
    what: 'a page without text',
    files: { 'knowledge.yaml': 'a: {files: [knowledge/*]}\n', 'knowledge/a.html': '<script>x</script>' },
    problems: [['knowledge/a.html holds no text', 'knowledge/a.html 没有文字']],
  },
  {
    what: 'a PDF that is none',
    files: { 'knowledge.yaml': 'a: {files: [knowledge/*]}\n', 'knowledge/a.pdf': 'x' },
    problems: [['knowledge/a.pdf is damaged or is no PDF file', 'knowledge/a.pdf 已损坏，或不是 PDF 文件']],
  },
  {
    what: 'a Word document that is none',
    files: { 'knowledge.yaml': 'a: {files: [knowledge/*]}\n', 'knowledge/a.docx': 'x' },
    problems: [
      [
        'knowledge/a.docx is damaged or is no Word (docx) file',
        'knowledge/a.docx 已损坏，或不是 Word (docx) 文件',
      ],
    ],
  },
  {
    what: 'a spreadsheet that is none',
    files: { 'intents/faq.xlsx': 'x' },
    problems: [
      [
        'intents/faq.xlsx is damaged or is no Excel (xlsx) file',
        'intents/faq.xlsx 已损坏，或不是 Excel (xlsx) 文件',
      ],
    ],
  },
  {
    what: 'a spreadsheet with mistyped columns',
    files: { 'intents/faq.csv': 'id,aks,reply.zh\na,怎么,好\n' },
    problems: [
      ['intents/faq.csv:1:1 needs a column ask', 'intents/faq.csv:1:1 缺少 ask 列'],
      [
        'intents/faq.csv:1:2 unknown column (did you mean ask?); known: id, ask, reply, reply.zh, reply.en',
        'intents/faq.csv:1:2 未知的列（是不是 ask？）；可用：id、ask、reply、reply.zh、reply.en',
      ],
    ],
  },
  {
    what: 'a row without an id',
    files: { 'intents/faq.csv': 'id,ask,reply.zh,reply.en\n,怎么,好,OK\n' },
    problems: [['intents/faq.csv:2:1 needs the id of an intent', 'intents/faq.csv:2:1 缺少意图 id']],
  },
  {
    what: 'two replies for one id',
    files: { 'intents/faq.csv': 'id,ask,reply.zh,reply.en\na,怎么,好,OK\na,怎样,不,\n' },
    problems: [
      [
        'intents/faq.csv:3:3 is not the reply of row 2; leave it empty or write the same',
        'intents/faq.csv:3:3 与第 2 行的回复不同；请留空或写成一样',
      ],
    ],
  },
  {
    what: 'an id without a reply',
    files: { 'intents/faq.csv': 'id,ask,reply\na,怎么,\n' },
    problems: [
      [
        'intents/faq.csv:2:1 a: has no reply; intents that do something else than reply with text stand in YAML',
        'intents/faq.csv:2:1 a: 没有回复；回复不是文本的意图请写在 YAML 中',
      ],
    ],
  },
  {
    what: 'a question of a spreadsheet that stands in YAML too',
    files: { 'intents/faq.csv': 'id,ask,reply\na,VPN连不上,好\n' },
    problems: [
      [
        'intents/faq.csv:2:2 “VPN连不上” is also a question of it.vpn (intents/it.yaml:4:5); keep it in one of them',
        'intents/faq.csv:2:2 “VPN连不上”也是 it.vpn 的问句（intents/it.yaml:4:5）；只保留一处',
      ],
    ],
  },
  {
    what: 'a quote in a row that is not closed',
    files: { 'intents/faq.csv': 'id,ask,reply\na,"怎么,好\n' },
    problems: [
      [
        'intents/faq.csv:2:1 a quoted cell that begins here has no end',
        'intents/faq.csv:2:1 从这里开始的引号没有结束',
      ],
    ],
  },
  {
    what: 'a spreadsheet in another encoding',
    files: {
      'intents/faq.csv': Buffer.from(
        'b1e0bac52ccecabee42ccecabee42ccecabee42cbbd8b8b40a612cc4e3bac32cc4fabac32c68692cbac30a',
        'hex',
      ),
    },
    warnings: [
      [
        'intents/faq.csv is not UTF-8; it was read as GB18030',
        'intents/faq.csv 不是 UTF-8 编码，已按 GB18030 读取',
      ],
    ],
  },
]
