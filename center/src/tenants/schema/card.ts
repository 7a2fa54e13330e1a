import { type Static, Type } from '@sinclair/typebox'
import { about, Closed, choice, line, sentence } from './basics.js'

const Button = Type.Object(
  {
    label: sentence('What stands on the button', '按钮文字'),
    intent: Type.Optional(line('Answers as if this intent had been asked', '等同于提问该意图')),
    command: Type.Optional(
      Type.String({
        pattern: '^/[a-z]+( \\S.*)?$',
        wants: { en: 'a command such as /human', zh: '/human 之类的指令' },
        ...about('A command such as /human', '指令，例如 /human'),
      }),
    ),
    say: Type.Optional(sentence('Asks this', '发送这句话')),
    url: Type.Optional(
      Type.String({
        pattern: '^(https://|mailto:|tel:)\\S+$',
        wants: {
          en: 'an address that starts with https://, mailto: or tel:',
          zh: '以 https://、mailto: 或 tel: 开头的地址',
        },
        ...about('https, mailto or tel', 'https、mailto 或 tel 地址'),
      }),
    ),
    style: Type.Optional(choice(['primary', 'danger'], 'How it stands out', '样式')),
  },
  Closed,
)

/** `cards/NAME.yaml`. */
export const CardYaml = Type.Object(
  {
    title: sentence('Title', '标题'),
    text: Type.Optional(sentence('Markdown', 'Markdown 正文')),
    facts: Type.Optional(
      Type.Array(Type.Object({ name: sentence('Name', '名称'), value: sentence('Value', '内容') }, Closed), {
        maxItems: 12,
        ...about('Names and values', '名称与内容'),
      }),
    ),
    buttons: Type.Optional(
      Type.Array(Button, {
        maxItems: 6,
        ...about(
          'Buttons, each with exactly one of intent, command, say and url',
          '按钮，各含 intent、command、say、url 之一',
        ),
      }),
    ),
  },
  { ...Closed, ...about('A card of a Yizhan tenant', '驿站租户的卡片') },
)

export type CardYaml = Static<typeof CardYaml>
export type ButtonYaml = Static<typeof Button>
