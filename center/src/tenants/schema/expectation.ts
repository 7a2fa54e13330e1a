import { Type } from '@sinclair/typebox'
import { about, Closed, choice, line } from './basics.js'

/** One test of `tests/*.yaml`; the file is a list of these. */
export const TestYaml = Type.Object(
  {
    say: line('What somebody says', '用户说的话'),
    expect: Type.Object(
      {
        intent: Type.Optional(line('The intent, or oos for none', '意图；无合适意图为 oos')),
        by: Type.Optional(
          choice(
            ['edge', 'center', 'ask-back', 'not-edge'],
            'Who answers; not-edge: it is asked back or goes to the center',
            '由谁回答；not-edge：反问确认或转到中心',
          ),
        ),
        has: Type.Optional(line('Text that stands in the reply', '回复中应有的文字')),
        card: Type.Optional(line('The card that is shown', '显示的卡片')),
      },
      { ...Closed, minProperties: 1, ...about('What must hold', '应成立的结果') },
    ),
  },
  Closed,
)
