import { type Static, Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { YizhanError } from '@yizhan/kernel'
import type { ReplyButton, ReplyCard } from '../ledger/index.js'
import type { SkillAnswer } from './skill.js'

/** The longest text that a skill may answer, in UTF-16 units. */
export const MAX_ANSWER_CHARS = 16_000

const Closed = { additionalProperties: false } as const
const line = (maxLength: number) => Type.String({ minLength: 1, maxLength })
const Button = Type.Object(
  {
    label: line(80),
    intent: Type.Optional(line(128)),
    command: Type.Optional(Type.String({ pattern: '^/[a-z]+', maxLength: 64 })),
    say: Type.Optional(line(1_000)),
    url: Type.Optional(Type.String({ pattern: '^(https://|mailto:|tel:)\\S+$', maxLength: 2_000 })),
    style: Type.Optional(Type.Union([Type.Literal('primary'), Type.Literal('danger')])),
  },
  Closed,
)

/** What a skill of one's own may answer; the same words as in a tenant's cards, in the asker's language. */
const Answer = Type.Object(
  {
    text: line(MAX_ANSWER_CHARS),
    card: Type.Optional(
      Type.Object(
        {
          title: line(200),
          text: Type.Optional(Type.String({ maxLength: MAX_ANSWER_CHARS })),
          facts: Type.Optional(
            Type.Array(Type.Object({ name: line(200), value: line(1_000) }, Closed), { maxItems: 12 }),
          ),
          buttons: Type.Optional(Type.Array(Button, { maxItems: 6 })),
        },
        Closed,
      ),
    ),
    choices: Type.Optional(
      Type.Array(Type.Object({ label: line(80), text: line(1_000) }, Closed), { minItems: 1, maxItems: 20 }),
    ),
  },
  Closed,
)
type Answer = Static<typeof Answer>

const checker = TypeCompiler.Compile(Answer)

/** What a skill of one's own returned, as an answer; `internal` with what is wrong if it is none. */
export function readAnswer(name: string, returned: unknown): SkillAnswer {
  const plain = plainOf(name, typeof returned === 'string' ? { text: returned } : returned)
  if (!checker.Check(plain)) throw wrong(name, problemOf(plain))
  if (plain.text.trim() === '') throw wrong(name, 'text is empty')
  const { text, card, choices } = plain
  return {
    text,
    ...(card === undefined ? {} : { card: cardOf(name, card) }),
    ...(choices === undefined ? {} : { choices }),
  }
}

/** A copy without getters, functions and classes: what happens to it afterwards is not the skill's any more. */
function plainOf(name: string, returned: unknown): unknown {
  try {
    const json: string | undefined = JSON.stringify(returned)
    return json === undefined ? undefined : JSON.parse(json)
  } catch (cause) {
    throw new YizhanError('internal', `skill ${name} answered something that is not plain data`, { cause })
  }
}

function problemOf(plain: unknown): string {
  if (plain === undefined || plain === null) return 'nothing came back'
  const error = checker.Errors(plain).First()
  return error?.path ? `${error.path.slice(1)}: ${error.message}` : 'neither a text nor an object with one'
}

function cardOf(
  name: string,
  { title, text = '', facts = [], buttons = [] }: NonNullable<Answer['card']>,
): ReplyCard {
  return { id: name, title, text, facts, buttons: buttons.map((button, i) => buttonOf(name, button, i)) }
}

function buttonOf(name: string, button: Static<typeof Button>, index: number): ReplyButton {
  const { label, intent, command, say, url, style } = button
  const actions: ReplyButton['does'][] = [
    ...[intent, command].flatMap((action) =>
      action === undefined ? [] : [{ kind: 'action', action } as const],
    ),
    ...(say === undefined ? [] : [{ kind: 'say', text: say } as const]),
    ...(url === undefined ? [] : [{ kind: 'url', url } as const]),
  ]
  const [does, ...more] = actions
  if (!does || more.length > 0) {
    throw wrong(name, `card/buttons/${index}: needs exactly one of intent, command, say, url`)
  }
  return { label, does, ...(style === undefined ? {} : { style }) }
}

function wrong(name: string, problem: string): YizhanError {
  return new YizhanError('internal', `skill ${name} gave no answer: ${problem}`)
}
