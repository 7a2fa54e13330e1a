import type { LabelledText } from '../evaluator.js'
import type { TrainedModel } from '../model.js'
import { trainIntentModel } from '../trainer.js'

const ASK: Readonly<Record<string, readonly string[]>> = {
  'it.vpn': [
    '怎么连 VPN',
    'VPN 连不上怎么办',
    '如何登录 VPN',
    'VPN 断线了',
    'How do I connect to the VPN?',
    'VPN does not work',
    'set up VPN on my laptop',
    'VPN login failed',
  ],
  'it.password': [
    '忘记密码了',
    '怎么重置密码',
    '密码过期了怎么办',
    '账号被锁了',
    'I forgot my password',
    'reset my password',
    'my account is locked',
    'my password has expired',
  ],
  'leave.request': [
    '我要请假',
    '怎么申请年假',
    '请病假的流程',
    '想休假两天',
    'I want to take leave',
    'how do I apply for annual leave',
    'request sick leave',
    'take two days off',
  ],
  'hr.payslip': [
    '工资条在哪里看',
    '什么时候发工资',
    '查一下我的工资单',
    '薪资明细怎么看',
    'where is my payslip',
    'when do we get paid',
    'show my salary slip',
    'download my pay statement',
  ],
  'it.printer': [
    '打印机怎么连接',
    '打印机坏了',
    '打印机卡纸',
    '怎么添加打印机',
    'how do I add a printer',
    'the printer is broken',
    'printer paper jam',
    'the printer is out of toner',
  ],
}

/** For tests: five intents with eight examples each, in Chinese and English. */
export const SMALL_TENANT: readonly LabelledText[] = Object.entries(ASK).flatMap(([intent, texts]) =>
  texts.map((text) => ({ text, intent })),
)

let trained: Promise<TrainedModel> | undefined

/** For tests: the model of `SMALL_TENANT`, trained once per process. */
export function smallModel(): Promise<TrainedModel> {
  trained ??= trainIntentModel({ examples: SMALL_TENANT, signal: new AbortController().signal })
  return trained
}
