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
  {
    what: 'a platform that does not exist',
    files: { 'channels.yaml': 'ding: {platform: dingding}\n' },
    problems: [
      [
        'channels.yaml:1:8 ding.platform: must be one of web, mqtt, dingtalk, feishu, wecom, slack, xmpp, telegram, matrix, qq, email',
        'channels.yaml:1:8 ding.platform: 应为 web、mqtt、dingtalk、feishu、wecom、slack、xmpp、telegram、matrix、qq、email 之一',
      ],
    ],
  },
  {
    what: 'a mistyped key of a channel',
    files: { 'channels.yaml': 'web: {platfrom: web}\n' },
    problems: [
      ['channels.yaml:1:1 web: needs “platform”', 'channels.yaml:1:1 web: 缺少“platform”'],
      [
        'channels.yaml:1:7 web.platfrom: unknown key; did you mean platform? Known here: platform, mode, credentials, group, sites',
        'channels.yaml:1:7 web.platfrom: 未知的键，是不是 platform？这里可用：platform、mode、credentials、group、sites',
      ],
    ],
  },
  {
    what: 'a secret in channels.yaml',
    files: { 'channels.yaml': 'ding: {platform: web, credentials: {from: file, name: x, secret: y}}\n' },
    problems: [
      [
        'channels.yaml:1:58 ding.credentials.secret: unknown key; known here: from, name',
        'channels.yaml:1:58 ding.credentials.secret: 未知的键；这里可用：from、name',
      ],
    ],
  },
  {
    what: 'a platform that is not connected yet, and sites that match nothing',
    files: {
      'channels.yaml': 'ding: {platform: dingtalk, sites: [beijing-*, shanghai-*]}\n',
      'sites.csv': 'site,name\nbeijing-1,王府井\n',
    },
    warnings: [
      [
        'channels.yaml:1:8 ding.platform: this version does not connect to dingtalk yet; the entry is kept',
        'channels.yaml:1:8 ding.platform: 本版本尚不能连接 dingtalk；该条目会保留',
      ],
      [
        'channels.yaml:1:47 ding.sites.1: matches no site of sites.csv',
        'channels.yaml:1:47 ding.sites.1: sites.csv 中没有匹配的网点',
      ],
    ],
  },
  {
    what: 'a site twice',
    files: { 'sites.csv': 'site,name\nbeijing-1,王府井\nbeijing-1,国贸\n' },
    problems: [['sites.csv:3:1 beijing-1 stands already in line 2', 'sites.csv:3:1 beijing-1 已在第 2 行中']],
  },
  {
    what: 'a site without a name, one in capitals, and a time zone that does not exist',
    files: { 'sites.csv': 'site,timezone\n,Asia/Shanghai\nBJ,Asia/Shanghai\nbeijing-1,Beijing\n' },
    problems: [
      ['sites.csv:2:1 needs a site', 'sites.csv:2:1 缺少 site'],
      [
        'sites.csv:3:1 must be a name of at most 63 of a-z, 0-9 and -',
        'sites.csv:3:1 应为至多 63 个字符的名称，仅含 a-z、0-9 和 -',
      ],
      [
        'sites.csv:4:2 is no time zone; write one such as Asia/Shanghai or Europe/Berlin',
        'sites.csv:4:2 不是有效的时区；请写 Asia/Shanghai、Europe/Berlin 之类的名称',
      ],
    ],
  },
  {
    what: 'columns of sites.csv that do not exist',
    files: { 'sites.csv': 'sit,name,boss\nbeijing-1,王府井,李\n' },
    problems: [
      [
        'sites.csv:1:1 unknown column (did you mean site?); known: site, name, edge, timezone, address',
        'sites.csv:1:1 未知的列（是不是 site？）；可用：site、name、edge、timezone、address',
      ],
      ['sites.csv:1:1 needs a column site', 'sites.csv:1:1 缺少 site 列'],
      [
        'sites.csv:1:3 unknown column; known: site, name, edge, timezone, address',
        'sites.csv:1:3 未知的列；可用：site、name、edge、timezone、address',
      ],
    ],
  },
  {
    what: 'a schedule that is none',
    files: { 'tasks/daily.json': '{"task_id": "daily", "schedule": "every day", "command": {"type": "x"}}' },
    problems: [
      [
        'tasks/daily.json:1:22 schedule: must be a cron schedule of five fields (minute hour day month weekday), such as 0 9 * * *',
        'tasks/daily.json:1:22 schedule: 应为五段的 cron 表达式（分 时 日 月 周），例如 0 9 * * *',
      ],
    ],
  },
  {
    what: 'a schedule that never comes',
    files: { 'tasks/daily.json': '{"task_id": "daily", "schedule": "0 9 30 2 *", "command": {"type": "x"}}' },
    problems: [
      ['tasks/daily.json:1:22 schedule: never comes', 'tasks/daily.json:1:22 schedule: 永远不会到来'],
    ],
  },
  {
    what: 'a task for a channel that is not there',
    files: {
      'tasks/daily.json':
        '{"task_id": "daily", "schedule": "0 9 * * *", "command": {"type": "x"}, "notify_channels": ["feishu"]}',
    },
    problems: [
      [
        'tasks/daily.json:1:93 notify_channels.0: there is no channel feishu; known: web, mqtt',
        'tasks/daily.json:1:93 notify_channels.0: 没有名为 feishu 的渠道；已有：web、mqtt',
      ],
    ],
  },
  {
    what: 'a mistyped key of a task',
    files: {
      'tasks/daily.json':
        '{\n  "task_id": "daily",\n  "schedul": "0 9 * * *",\n  "command": {"type": "x"}\n}',
    },
    problems: [
      ['tasks/daily.json:1:1 needs “schedule”', 'tasks/daily.json:1:1 缺少“schedule”'],
      [
        'tasks/daily.json:3:3 schedul: unknown key; did you mean schedule? Known here: task_id, schedule, command, notify_channels, timezone, misfire',
        'tasks/daily.json:3:3 schedul: 未知的键，是不是 schedule？这里可用：task_id、schedule、command、notify_channels、timezone、misfire',
      ],
    ],
  },
  {
    what: 'a task that is no JSON',
    files: { 'tasks/daily.json': '{"task_id": "daily",\n' },
    problems: [
      [
        'tasks/daily.json:2:1 something is missing here: a colon, a quote, a comma or a bracket',
        'tasks/daily.json:2:1 这里缺少字符：冒号、引号、逗号或括号',
      ],
    ],
  },
  {
    what: 'a task that is YAML and no JSON',
    files: {
      'tasks/daily.json': '{"task_id": "daily", "schedule": "0 9 * * *", "command": {"type": "x"},}',
    },
    problems: [
      [
        'tasks/daily.json is no JSON: keys and texts need double quotes, no comments, no comma before a closing bracket',
        'tasks/daily.json 不是 JSON：键和文本需用双引号，不能有注释，右括号前不能有逗号',
      ],
    ],
  },
  {
    what: 'a task twice',
    files: {
      'tasks/a.json': '{"task_id": "daily", "schedule": "0 9 * * *", "command": {"type": "x"}}',
      'tasks/b.json': '{"task_id": "daily", "schedule": "0 9 * * *", "command": {"type": "x"}}',
    },
    problems: [
      [
        'tasks/b.json:1:2 task_id: stands already in tasks/a.json',
        'tasks/b.json:1:2 task_id: 已在 tasks/a.json 中定义',
      ],
    ],
  },
  {
    what: 'a task, which this version does not run',
    files: {
      'tasks/daily.json':
        '{"task_id": "daily", "schedule": "0 9 * * *", "command": {"type": "x"}, "notify_channels": ["web"]}',
    },
    warnings: [
      [
        'tasks/daily.json this version does not run tasks yet; the file is kept',
        'tasks/daily.json 本版本尚不执行定时任务；该文件会保留',
      ],
    ],
  },
  {
    what: 'a test of an intent that is not there',
    files: { 'tests/t.yaml': '- {say: 怎么连, expect: {intent: it.vnp}}\n' },
    problems: [
      [
        'tests/t.yaml:1:23 0.expect.intent: there is no intent named it.vnp; did you mean it.vpn?',
        'tests/t.yaml:1:23 0.expect.intent: 没有名为 it.vnp 的意图，是不是 it.vpn？',
      ],
    ],
  },
  {
    what: 'a test of a card that is not there',
    files: { 'tests/t.yaml': '- {say: 怎么连, expect: {card: password}}\n' },
    problems: [
      [
        'tests/t.yaml:1:23 0.expect.card: there is no cards/password.yaml',
        'tests/t.yaml:1:23 0.expect.card: 没有 cards/password.yaml',
      ],
    ],
  },
  {
    what: 'a test that expects nothing',
    files: { 'tests/t.yaml': '- {say: 怎么连, expect: {}}\n' },
    problems: [['tests/t.yaml:1:14 0.expect: is empty', 'tests/t.yaml:1:14 0.expect: 不能为空']],
  },
  {
    what: 'a test that says a number',
    files: { 'tests/t.yaml': '- {say: 110, expect: {by: edge}}\n' },
    problems: [
      [
        'tests/t.yaml:1:4 0.say: must be text; YAML takes 110 for a number: put it in quotes',
        'tests/t.yaml:1:4 0.say: 应为文本；YAML 会把 110 当作数字，请加引号',
      ],
    ],
  },
]
