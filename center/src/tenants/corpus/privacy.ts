import type { Entry } from '../testing/corpus.js'
import { TENANT } from '../testing/directory.js'

export const PRIVACY: readonly Entry[] = [
  {
    what: 'a consent without a notice',
    files: {
      'tenant.yaml': `${TENANT}privacy: {purposes: {answers: {basis: consent, title: 回答, version: "1"}}}\n`,
    },
    problems: [
      [
        'tenant.yaml:5:22 privacy.purposes.answers: has no notice: with basis consent people must be told what they agree to',
        'tenant.yaml:5:22 privacy.purposes.answers: 缺少 notice：以同意为基础时，须告知同意的内容',
      ],
    ],
  },
  {
    what: 'a basis that is none',
    files: {
      'tenant.yaml': `${TENANT}privacy: {purposes: {answers: {basis: agreement, title: 回答, version: "1"}}}\n`,
    },
    problems: [
      [
        'tenant.yaml:5:32 privacy.purposes.answers.basis: must be one of consent, contract, hr, legal-duty, legitimate-interest',
        'tenant.yaml:5:32 privacy.purposes.answers.basis: 应为 consent、contract、hr、legal-duty、legitimate-interest 之一',
      ],
    ],
  },
  {
    what: 'a purpose for a channel that is not there',
    files: {
      'tenant.yaml': `${TENANT}privacy: {purposes: {answers: {basis: hr, title: 回答, version: "1", channels: [dingtalk]}}}\n`,
    },
    problems: [
      [
        'tenant.yaml:5:79 privacy.purposes.answers.channels.0: there is no channel dingtalk; known: web, mqtt',
        'tenant.yaml:5:79 privacy.purposes.answers.channels.0: 没有名为 dingtalk 的渠道；已有：web、mqtt',
      ],
    ],
  },
  {
    what: 'a version that YAML reads as a number',
    files: {
      'tenant.yaml': `${TENANT}privacy: {purposes: {answers: {basis: hr, title: 回答, version: 1}}}\n`,
    },
    problems: [
      [
        'tenant.yaml:5:54 privacy.purposes.answers.version: must be text; YAML takes 1 for a number: put it in quotes',
        'tenant.yaml:5:54 privacy.purposes.answers.version: 应为文本；YAML 会把 1 当作数字，请加引号',
      ],
    ],
  },
  {
    what: 'an audit kept too short',
    files: { 'tenant.yaml': `${TENANT}privacy: {retention: {audit: 90d}}\n` },
    problems: [
      [
        'tenant.yaml:5:23 privacy.retention.audit: is below 180 days, for which the audit is kept in any case',
        'tenant.yaml:5:23 privacy.retention.audit: 少于 180 天；审计记录至少保存 180 天',
      ],
    ],
  },
  {
    what: 'a data class that is mistyped',
    files: { 'tenant.yaml': `${TENANT}privacy: {retention: {turn: 90d}}\n` },
    problems: [
      [
        'tenant.yaml:5:23 privacy.retention.turn: there is no data class turn; did you mean turns?',
        'tenant.yaml:5:23 privacy.retention.turn: 没有数据类别 turn，是不是 turns？',
      ],
    ],
  },
  {
    what: 'a duration in other words',
    files: {
      'tenant.yaml': `${TENANT}privacy: {retention: {turns: half a year}, pendingConsent: 2h30m, offlineLease: 5m}\n`,
    },
    problems: [
      [
        'tenant.yaml:5:23 privacy.retention.turns: “half a year” is no duration; write 24h, 30d, 6mo or 3y',
        'tenant.yaml:5:23 privacy.retention.turns: “half a year”不是时长；请写 24h、30d、6mo、3y，或 24小时、30天、6个月、3年',
      ],
      [
        'tenant.yaml:5:44 privacy.pendingConsent: “2h30m” is no duration; write 24h, 30d, 6mo or 3y',
        'tenant.yaml:5:44 privacy.pendingConsent: “2h30m”不是时长；请写 24h、30d、6mo、3y，或 24小时、30天、6个月、3年',
      ],
      [
        'tenant.yaml:5:67 privacy.offlineLease: must be 1h or more',
        'tenant.yaml:5:67 privacy.offlineLease: 不得少于 1 小时',
      ],
    ],
  },
  {
    what: 'a first message that would wait for ever',
    files: { 'tenant.yaml': `${TENANT}privacy: {pendingConsent: 2y}\n` },
    problems: [
      [
        'tenant.yaml:5:11 privacy.pendingConsent: must be 1m to 30d',
        'tenant.yaml:5:11 privacy.pendingConsent: 应为 1 分钟至 30 天',
      ],
    ],
  },
  {
    what: 'a notice in a language that the tenant has not',
    files: {
      'tenant.yaml': `${TENANT}privacy: {purposes: {answers: {basis: consent, title: 回答, notice: {cn: 您好}, version: "1"}}}\n`,
    },
    problems: [
      [
        'tenant.yaml:5:68 privacy.purposes.answers.notice.cn: is not one of the languages in tenant.yaml (zh, en)',
        'tenant.yaml:5:68 privacy.purposes.answers.notice.cn: 不在 tenant.yaml 的 languages 中（zh、en）',
      ],
    ],
  },
  {
    what: 'a purpose with an unknown key',
    files: {
      'tenant.yaml': `${TENANT}privacy: {purposes: {answers: {basis: hr, title: 回答, version: "1", crossborder: true}}}\n`,
    },
    problems: [
      [
        'tenant.yaml:5:68 privacy.purposes.answers.crossborder: unknown key; did you mean crossBorder? Known here: basis, title, notice, version, required, channels, crossBorder, recipients',
        'tenant.yaml:5:68 privacy.purposes.answers.crossborder: 未知的键，是不是 crossBorder？这里可用：basis、title、notice、version、required、channels、crossBorder、recipients',
      ],
    ],
  },
  {
    what: 'purposes, notices and retention in Chinese and English',
    files: {
      'tenant.yaml': `${TENANT}privacy:\n  purposes:\n    answers: {basis: consent, title: {zh: 回答问题, en: Answers}, notice: {zh: 我们会记录您的提问。, en: We keep what you ask.}, version: "1"}\n  retention: {turns: 90 天, audit: 3年, samples: 6mo}\n  pendingConsent: 24h\n  offlineLease: 4周\n`,
    },
  },
]
