import type { Entry } from '../testing/corpus.js'
import { TENANT } from '../testing/directory.js'

export const DIRECTORY: readonly Entry[] = [
  {
    what: 'no tenant.yaml',
    files: { 'tenant.yaml': undefined },
    problems: [['tenant.yaml is missing; it names the tenant', 'tenant.yaml 缺少此文件；它说明租户是谁']],
  },
  {
    what: 'tenant.yaml under another name',
    files: { 'tenant.yaml': undefined, 'tenant.yml': TENANT },
    problems: [
      ['tenant.yaml is missing; it names the tenant', 'tenant.yaml 缺少此文件；它说明租户是谁'],
      [
        'tenant.yml is no file of a tenant directory; did you mean tenant.yaml?',
        'tenant.yml 不是租户目录里的文件，是不是 tenant.yaml？',
      ],
    ],
  },
  {
    what: 'a file that belongs to no tenant',
    files: { 'intents/deep/x.yaml': 'a: b\n', 'notes.doc': 'x' },
    problems: [
      [
        'intents/deep/x.yaml is no file of a tenant directory; rename or remove it',
        'intents/deep/x.yaml 不是租户目录里的文件，请改名或移出',
      ],
      [
        'notes.doc is no file of a tenant directory; rename or remove it',
        'notes.doc 不是租户目录里的文件，请改名或移出',
      ],
    ],
  },
  {
    what: 'a path that leaves the directory',
    files: { '../x.yaml': 'x' },
    problems: [
      [
        '../x.yaml is not a path below the tenant directory of at most 500 bytes',
        '../x.yaml 不是租户目录之下的路径，或超过 500 字节',
      ],
    ],
  },
  {
    what: 'a file that is too large',
    files: { 'knowledge.yaml': 'a: {files: [knowledge/*]}\n', 'knowledge/a.md': 'x'.repeat(1048577) },
    problems: [['knowledge/a.md is larger than 1 MiB; split it', 'knowledge/a.md 超过 1 MiB，请拆分']],
  },
  {
    what: 'another version of the format',
    files: {
      'tenant.yaml': 'apiVersion: yizhan/v2\ntenant: acme\nname: {zh: 安科, en: Acme}\nlanguages: [zh, en]\n',
    },
    problems: [
      ['tenant.yaml:1:1 apiVersion: must be yizhan/v1', 'tenant.yaml:1:1 apiVersion: 应为 yizhan/v1'],
    ],
  },
  {
    what: 'a tenant in capitals',
    files: {
      'tenant.yaml': 'apiVersion: yizhan/v1\ntenant: Acme\nname: {zh: 安科, en: Acme}\nlanguages: [zh, en]\n',
    },
    problems: [
      [
        'tenant.yaml:2:1 tenant: must be a name of at most 63 of a-z, 0-9 and -',
        'tenant.yaml:2:1 tenant: 应为至多 63 个字符的名称，仅含 a-z、0-9 和 -',
      ],
    ],
  },
  {
    what: 'a tenant that is a number',
    files: {
      'tenant.yaml': 'apiVersion: yizhan/v1\ntenant: 007\nname: {zh: 安科, en: Acme}\nlanguages: [zh, en]\n',
    },
    problems: [
      [
        'tenant.yaml:2:1 tenant: must be a name of at most 63 of a-z, 0-9 and -; YAML takes 007 for a number: put it in quotes',
        'tenant.yaml:2:1 tenant: 应为至多 63 个字符的名称，仅含 a-z、0-9 和 -；YAML 会把 007 当作数字，请加引号',
      ],
    ],
  },
  {
    what: 'no languages',
    files: {
      'tenant.yaml': 'apiVersion: yizhan/v1\ntenant: acme\nname: {zh: 安科, en: Acme}\nlanguages: []\n',
    },
    problems: [['tenant.yaml:4:1 languages: is empty', 'tenant.yaml:4:1 languages: 不能为空']],
  },
  {
    what: 'a language twice',
    files: {
      'tenant.yaml':
        'apiVersion: yizhan/v1\ntenant: acme\nname: {zh: 安科, en: Acme}\nlanguages: [zh, en, zh]\n',
    },
    problems: [
      [
        'tenant.yaml:4:1 languages: entries 1 and 3 are the same',
        'tenant.yaml:4:1 languages: 第 1 项与第 3 项重复',
      ],
    ],
  },
  {
    what: 'a mistyped setting',
    files: { 'tenant.yaml': `${TENANT}operatingpoint: careful\n` },
    problems: [
      [
        'tenant.yaml:5:1 operatingpoint: unknown key; did you mean operatingPoint? Known here: apiVersion, tenant, name, languages, persona, welcome, operatingPoint, timezone, encoder, handoff, aiMark, quotas, documentClasses, privacy, samples, messages',
        'tenant.yaml:5:1 operatingpoint: 未知的键，是不是 operatingPoint？这里可用：apiVersion、tenant、name、languages、persona、welcome、operatingPoint、timezone、encoder、handoff、aiMark、quotas、documentClasses、privacy、samples、messages',
      ],
    ],
  },
  {
    what: 'a word that is none of those that fit',
    files: { 'tenant.yaml': `${TENANT}operatingPoint: fast\n` },
    problems: [
      [
        'tenant.yaml:5:1 operatingPoint: must be one of keen, balanced, careful',
        'tenant.yaml:5:1 operatingPoint: 应为 keen、balanced、careful 之一',
      ],
    ],
  },
  {
    what: 'a built-in sentence that does not exist',
    files: { 'tenant.yaml': `${TENANT}messages: {refuse.overload: 忙}\n` },
    problems: [
      [
        'tenant.yaml:5:12 messages.refuse.overload: is not the key of a built-in sentence; did you mean refuse.overloaded?',
        'tenant.yaml:5:12 messages.refuse.overload: 不是内置语句的键，是不是 refuse.overloaded？',
      ],
    ],
  },
  {
    what: 'a placeholder that a built-in sentence does not have',
    files: { 'tenant.yaml': `${TENANT}messages: {status.waits: "{ticket}"}\n` },
    problems: [
      [
        'tenant.yaml:5:12 messages.status.waits: there is no {ticket} in this sentence',
        'tenant.yaml:5:12 messages.status.waits: 该语句没有 {ticket}',
      ],
    ],
  },
  {
    what: 'a suggestion that is no intent',
    files: { 'tenant.yaml': `${TENANT}welcome: {text: 您好, suggest: [it.vnp]}\n` },
    problems: [
      [
        'tenant.yaml:5:31 welcome.suggest.0: there is no intent named it.vnp; did you mean it.vpn?',
        'tenant.yaml:5:31 welcome.suggest.0: 没有名为 it.vnp 的意图，是不是 it.vpn？',
      ],
    ],
  },
  {
    what: 'a persona that is not there',
    files: { 'tenant.yaml': `${TENANT}persona: helpdesk\n` },
    problems: [
      [
        'tenant.yaml:5:1 persona: there is no personas/helpdesk.md',
        'tenant.yaml:5:1 persona: 没有 personas/helpdesk.md',
      ],
    ],
  },
  {
    what: 'a persona that is empty',
    files: { 'tenant.yaml': `${TENANT}persona: helpdesk\n`, 'personas/helpdesk.md': ' \n' },
    problems: [['personas/helpdesk.md is empty', 'personas/helpdesk.md 不能为空']],
  },
  {
    what: 'a persona that is too long',
    files: { 'tenant.yaml': `${TENANT}persona: helpdesk\n`, 'personas/helpdesk.md': 'x'.repeat(4001) },
    problems: [
      ['personas/helpdesk.md is longer than 4000 characters', 'personas/helpdesk.md 超过 4000 个字符'],
    ],
  },
  {
    what: 'a persona in one language',
    files: { 'tenant.yaml': `${TENANT}persona: helpdesk\n`, 'personas/helpdesk.zh.md': '简短。' },
    warnings: [
      [
        'tenant.yaml:5:1 persona: has no en; who asks in it gets zh',
        'tenant.yaml:5:1 persona: 缺少 en；用该语言提问的人会得到 zh',
      ],
    ],
  },
  {
    what: 'a persona that nobody names',
    files: { 'personas/other.md': '简短。' },
    warnings: [
      [
        'personas/other.md tenant.yaml does not name this persona; it is not used',
        'personas/other.md tenant.yaml 没有指定这个 persona，不会使用',
      ],
    ],
  },
  {
    what: 'a hand-off to a channel that is not there',
    files: { 'tenant.yaml': `${TENANT}handoff: {hr: {channel: dingtalk}}\n` },
    problems: [
      [
        'tenant.yaml:5:16 handoff.hr.channel: there is no channel dingtalk; known: web, mqtt',
        'tenant.yaml:5:16 handoff.hr.channel: 没有名为 dingtalk 的渠道；已有：web、mqtt',
      ],
    ],
  },
  {
    what: 'opening hours that nobody understands',
    files: { 'tenant.yaml': `${TENANT}handoff: {hr: {channel: web, hours: 上班时间}}\n` },
    problems: [
      [
        'tenant.yaml:5:30 handoff.hr.hours: “上班时间” is not understood; write “Mon-Fri 09:00-18:00, Sat 10:00-12:00”',
        'tenant.yaml:5:30 handoff.hr.hours: 无法识别“上班时间”；请写成“周一至周五 09:00-18:00，周六 10:00-12:00”',
      ],
    ],
  },
  {
    what: 'opening hours over midnight',
    files: { 'tenant.yaml': `${TENANT}handoff: {hr: {channel: web, hours: "Mon-Fri 22:00-06:00"}}\n` },
    problems: [
      [
        'tenant.yaml:5:30 handoff.hr.hours: 22:00-06:00 ends before it begins; over midnight write two: 22:00-24:00 and 00:00-06:00',
        'tenant.yaml:5:30 handoff.hr.hours: 22:00-06:00 的结束早于开始；跨午夜请分两段写：22:00-24:00 和 00:00-06:00',
      ],
    ],
  },
  {
    what: 'opening hours without an end',
    files: { 'tenant.yaml': `${TENANT}handoff: {hr: {channel: web, hours: "Mon-Fri 09:00"}}\n` },
    problems: [
      [
        'tenant.yaml:5:30 handoff.hr.hours: “Mon-Fri 09:00” is not understood; write “Mon-Fri 09:00-18:00, Sat 10:00-12:00”',
        'tenant.yaml:5:30 handoff.hr.hours: 无法识别“Mon-Fri 09:00”；请写成“周一至周五 09:00-18:00，周六 10:00-12:00”',
      ],
    ],
  },
  {
    what: 'a time zone that does not exist',
    files: { 'tenant.yaml': `${TENANT}handoff: {hr: {channel: web, timezone: Beijing}}\n` },
    problems: [
      [
        'tenant.yaml:5:30 handoff.hr.timezone: is no time zone; write one such as Asia/Shanghai or Europe/Berlin',
        'tenant.yaml:5:30 handoff.hr.timezone: 不是有效的时区；请写 Asia/Shanghai、Europe/Berlin 之类的名称',
      ],
    ],
  },
]
