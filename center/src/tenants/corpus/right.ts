import type { Entry } from '../testing/corpus.js'
import { TENANT } from '../testing/directory.js'

export const RIGHT: readonly Entry[] = [
  {
    what: 'line ends of Windows and a byte order mark',
    files: {
      'tenant.yaml':
        '\ufeffapiVersion: yizhan/v1\r\ntenant: acme\r\nname: {zh: 安科, en: Acme}\r\nlanguages: [zh, en]\r\n',
      'intents/it.yaml':
        '\ufeffit.vpn:\r\n  ask: |\r\n    怎么连 #619\r\n    007\r\n    how\r\n  reply: {zh: 好, en: OK}\r\n',
    },
  },
  {
    what: 'words that other programs take for something else',
    files: {
      'intents/it.yaml':
        'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  reply: {zh: on, en: 2024-01-01}\n',
      'tenant.yaml': `${TENANT}welcome: {text: yes}\n`,
    },
  },
  {
    what: 'comments where YAML has them',
    files: { 'tenant.yaml': `${TENANT}# first\noperatingPoint: careful # keen | balanced\n` },
  },
  {
    what: 'full-width punctuation in texts',
    files: {
      'intents/it.yaml':
        'it.vpn:\n  ask: |\n    报错：“619”，｛怎么办｝？\n    连不上：－1 层\n    ＃1\n  reply:\n    zh: 注意：先看 http://a.example，“再”连｛网｝\n    en: "a: b # c"\n',
    },
  },
  {
    what: 'YAML written as JSON',
    files: {
      'intents/it.yaml': '{"it.vpn": {"ask": "怎么连\\n连不上\\nhow", "reply": {"zh": "好", "en": "OK"}}}',
    },
  },
  {
    what: 'an id of digits and one text for all languages',
    files: { 'intents/it.yaml': '007:\n  ask: |\n    甲\n    b\n    c\n  reply: 好\n' },
  },
  {
    what: 'braces that are no placeholders',
    files: {
      'intents/it.yaml':
        'it.vpn:\n  ask: |\n    怎么连\n    连不上\n    how\n  slots: {from: {type: date, ask: 哪天}}\n  reply: \'{from}: {"a": 1} {} {x: y} {a, b}\'\n',
    },
  },
  {
    what: 'opening hours in words',
    files: {
      'tenant.yaml':
        TENANT +
        'handoff:\n  hr: {channel: web, hours: "周一至五 9:00-12:00、13:00-18:00；周六，周日 10:00–12:00", timezone: Asia/Shanghai}\n  it: {channel: mqtt, hours: "weekdays 00:00-24:00, Fri-Mon 20:00-22:00", otherwise: refuse}\n',
    },
  },
  {
    what: 'a spreadsheet in Chinese with semicolons',
    files: { 'intents/faq.csv': '编号;问句;问句2;回复.zh;回复.en\na;怎么;怎样;好;OK\n;how;;;\n' },
  },
  {
    what: 'own words in one language only',
    files: { 'tenant.yaml': `${TENANT}messages: {refuse.overloaded: {zh: 忙}}\n` },
  },
  {
    what: 'a card with everything',
    files: {
      'intents/more.yaml': 'pass: {ask: "忘密码\\n改密码\\nreset", reply: {card: password}}\n',
      'cards/password.yaml':
        'title: {zh: 密码, en: Password}\ntext: {zh: "**改**", en: "**Reset**"}\nfacts: [{name: IT, value: "8110"}]\nbuttons:\n  - {label: 连 VPN, intent: it.vpn, style: primary}\n  - {label: 人工, command: /human}\n  - {label: 问, say: {zh: 怎么改, en: How}}\n  - {label: 打电话, url: "tel:8110"}\n',
    },
  },
]
