import type { Entry } from '../testing/corpus.js'

export const CHANNELS_AND_SITES: readonly Entry[] = [
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
]
