import type { Language } from './questions.js'
import type { Who } from './timeline.js'
import type { Check, Verdict } from './verdict.js'

export interface Words {
  readonly names: Readonly<Record<Who, string>>
  readonly starting: string
  readonly ready: (seconds: string) => string
  readonly cut: (pieces: number) => string
  readonly restored: string
  readonly goesOn: (from: number, to: number) => string
  readonly ticket: (ticket: string, place: number | undefined) => string
  readonly late: (question: string, text: string) => string
  readonly streamed: (pieces: number, text: string) => string
  readonly checks: Readonly<Record<Check['name'], string>>
  readonly totals: (verdict: Verdict) => string
  readonly sha: (verdict: Verdict) => string
  readonly passed: (seconds: string) => string
  readonly failed: string
  readonly tooLong: (seconds: number) => string
}

const EN: Words = {
  names: {
    demo: 'demo',
    link: 'link',
    li: 'Li',
    wang: 'Wang',
    edge: 'edge',
    center: 'center',
    ticket: 'ticket',
  },
  starting: 'starting one center and one branch on this machine',
  ready: (s) => `ready after ${s} s; the branch is linked and serves the tenant`,
  cut: (pieces) => `CUT in the middle of the answer to Li, after ${pieces} pieces`,
  restored: 'RESTORED',
  goesOn: (from, to) => `goes on where it stopped: pieces ${from} to ${to}`,
  ticket: (ticket, place) =>
    `${ticket}${place === undefined ? '' : `, place ${place}`}: waits for the center`,
  late: (question, text) => `on “${question}”: ${text}`,
  streamed: (pieces, text) => `(${pieces} pieces) ${text}`,
  checks: {
    answers: 'every question has exactly one answer, in order',
    answeredBy: 'the branch answered what it knows, the center the rest',
    tickets: 'each heavy question got a ticket of its own first',
    offlineAnswer: 'without a link the branch went on answering',
    cutInside: 'the link was cut in the middle of the stream',
    pieces: 'the stream’s pieces are numbered without gap or repetition',
    sameAttempt: 'the answer was not begun anew',
    sameText: 'the text is the same as without a cut',
  },
  totals: (v) =>
    `asked ${v.asked} · answered ${v.answered} · lost ${v.lost} · doubled ${v.doubled} · reordered ${v.reordered}`,
  sha: (v) => `SHA-256 uncut ${v.sha256.uncut.slice(0, 16)}…  cut ${v.sha256.cut.slice(0, 16)}…`,
  passed: (s) => `passed in ${s} s`,
  failed: 'FAILED',
  tooLong: (s) => `not over after ${s} s`,
}

const ZH: Words = {
  names: {
    demo: '演示',
    link: '链路',
    li: '小李',
    wang: '小王',
    edge: '边缘',
    center: '中心',
    ticket: '排队号',
  },
  starting: '在本机启动一个中心和一个分支',
  ready: (s) => `${s} 秒后就绪；分支已连上中心并提供服务`,
  cut: (pieces) => `切断！正在给小李回答，刚到第 ${pieces} 段`,
  restored: '恢复',
  goesOn: (from, to) => `从断处继续：第 ${from} 到 ${to} 段`,
  ticket: (ticket, place) => `${ticket}${place === undefined ? '' : `，第 ${place} 位`}：等中心恢复`,
  late: (question, text) => `答「${question}」：${text}`,
  streamed: (pieces, text) => `（${pieces} 段）${text}`,
  checks: {
    answers: '每个问题有且只有一个答复，次序不乱',
    answeredBy: '分支会的由分支答，其余由中心答',
    tickets: '每个要中心答的问题先领到自己的号',
    offlineAnswer: '没有链路时分支照常回答',
    cutInside: '链路确实断在流的中间',
    pieces: '各段编号不缺不重',
    sameAttempt: '答复没有从头再来',
    sameText: '文字与不断线时完全一致',
  },
  totals: (v) =>
    `提问 ${v.asked} · 答复 ${v.answered} · 丢失 ${v.lost} · 重复 ${v.doubled} · 乱序 ${v.reordered}`,
  sha: (v) => `SHA-256 不断线 ${v.sha256.uncut.slice(0, 16)}…  断线 ${v.sha256.cut.slice(0, 16)}…`,
  passed: (s) => `通过，用时 ${s} 秒`,
  failed: '未通过',
  tooLong: (s) => `${s} 秒后仍未结束`,
}

export const WORDS: Readonly<Record<Language, Words>> = { en: EN, zh: ZH }
