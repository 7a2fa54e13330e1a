import type { CliText } from '@yizhan/kernel'

/** An intent of a new directory; which of its sentences are written is decided by the tenant's languages. */
export interface NewIntent {
  readonly id: string
  /** Above the intent, for who reads the file for the first time. */
  readonly comment?: CliText
  readonly asks: { readonly en: readonly string[]; readonly zh: readonly string[] }
  readonly reply:
    | { readonly kind: 'text'; readonly text: CliText }
    | { readonly kind: 'card'; readonly card: string }
    | { readonly kind: 'forward'; readonly knowledge: string; readonly offline: CliText }
}

/** Few, and one of each kind of answer, so that they can be learnt from and thrown away. */
export const NEW_INTENTS: readonly NewIntent[] = [
  {
    id: 'hello.greeting',
    comment: {
      en: 'Questions stand below `ask: |`, one a line. Three or more in each language; other words help more than more words.',
      zh: '问句写在 `ask: |` 之下，每行一句。每种语言至少三句；换说法比加长更有用。',
    },
    asks: {
      en: ['hello', 'hi there', 'good morning', 'hey bot', 'good afternoon'],
      zh: ['你好', '您好', '早上好', '在吗', '下午好'],
    },
    reply: {
      kind: 'text',
      text: {
        en: 'Hello! Ask me about the opening hours, how to reach us, or the expense rules.',
        zh: '您好！可以问我营业时间、联系方式或报销规定。',
      },
    },
  },
  {
    id: 'hello.hours',
    asks: {
      en: [
        'When are you open?',
        'what are the opening hours',
        'are you open on Saturday',
        'when do you close',
        'office hours',
      ],
      zh: ['几点开门', '营业时间是什么', '周六上班吗', '几点关门', '什么时候有人'],
    },
    reply: {
      kind: 'text',
      text: {
        en: 'Monday to Friday, **9:00 to 18:00**; closed at weekends.',
        zh: '周一至周五 **9:00 到 18:00**，周末休息。',
      },
    },
  },
  {
    id: 'hello.contact',
    comment: {
      en: 'Answered with cards/contact.yaml.',
      zh: '用 cards/contact.yaml 回答。',
    },
    asks: {
      en: [
        'How can I contact you?',
        'what is your phone number',
        'which email address can I write to',
        'who can I call',
        'contact details please',
      ],
      zh: ['怎么联系你们', '电话号码是多少', '邮箱是什么', '可以打给谁', '给我联系方式'],
    },
    reply: { kind: 'card', card: 'contact' },
  },
  {
    id: 'rules.expenses',
    comment: {
      en: 'The center answers from the documents of `rules` in knowledge.yaml; `offline` is said while it cannot be reached.',
      zh: '由中心依据 knowledge.yaml 中 rules 的文档回答；与中心断开时回复 offline。',
    },
    asks: {
      en: [
        'How do I claim expenses?',
        'what is the limit for a hotel night',
        'until when must I hand in receipts',
        'are taxi rides reimbursed',
        'who approves my travel expenses',
      ],
      zh: ['怎么报销', '住酒店一晚最多报多少', '发票什么时候要交', '打车能报销吗', '差旅费谁来批'],
    },
    reply: {
      kind: 'forward',
      knowledge: 'rules',
      offline: {
        en: 'Noted: I will look it up in the rules as soon as the center is back.',
        zh: '已记下，恢复连接后为您查规定。',
      },
    },
  },
]

/** What must come of sentences that are no questions of the intents, in each language. */
export const NEW_TESTS: Readonly<Record<'en' | 'zh', readonly string[]>> = {
  en: [
    '{say: when do you open on Monday, expect: {intent: hello.hours, by: edge, has: "9:00"}}',
    '{say: your phone number please, expect: {card: contact}}',
    '{say: how do I claim travel expenses, expect: {intent: rules.expenses, by: center}}',
    '{say: how is the stock market today, expect: {intent: oos, by: center}}',
  ],
  zh: [
    '{say: 你们几点开门, expect: {intent: hello.hours, by: edge, has: "9:00"}}',
    '{say: 联系电话是多少, expect: {card: contact}}',
    '{say: 差旅费怎么报销, expect: {intent: rules.expenses, by: center}}',
    '{say: 今天股市怎么样, expect: {intent: oos, by: center}}',
  ],
}
