import { type Static, Type } from '@sinclair/typebox'
import { about, Closed, choice, Line, line } from './basics.js'

/** Platforms that this version connects. */
export const CONNECTED = ['web', 'mqtt'] as const
export const PLATFORMS = [
  ...CONNECTED,
  'dingtalk',
  'feishu',
  'wecom',
  'slack',
  'xmpp',
  'telegram',
  'matrix',
  'qq',
  'email',
] as const

/** One entry of `channels.yaml`; the file maps names to these. */
export const ChannelYaml = Type.Object(
  {
    platform: choice(PLATFORMS, 'Platform', '平台'),
    mode: Type.Optional(
      choice(
        ['per-site', 'hub'],
        'An app per branch (per-site, the default) or one app for all (hub)',
        '每个网点一个应用（per-site，默认）或共用一个应用（hub）',
      ),
    ),
    credentials: Type.Optional(
      Type.Object(
        {
          from: choice(
            ['file', 'env'],
            'A file of the edge or an environment variable',
            '边缘节点上的文件或环境变量',
          ),
          name: line('Its name; {site} stands for the branch', '名称；{site} 代表网点'),
        },
        {
          ...Closed,
          ...about('Where the secret is; never the secret itself', '密钥所在之处；不要写密钥本身'),
        },
      ),
    ),
    group: Type.Optional(
      Type.Object(
        {
          reply: Type.Optional(
            choice(['mentioned', 'all', 'never'], 'When it replies in groups', '群聊中何时回复'),
          ),
          context: Type.Optional(
            choice(
              ['sender', 'group'],
              'Whose conversation a group message belongs to',
              '群消息属于谁的会话',
            ),
          ),
        },
        { ...Closed, minProperties: 1 },
      ),
    ),
    sites: Type.Optional(
      Type.Array(Line, { minItems: 1, ...about('Branches, such as beijing-*', '网点，例如 beijing-*') }),
    ),
  },
  Closed,
)
export type ChannelYaml = Static<typeof ChannelYaml>
