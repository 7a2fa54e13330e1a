import type { Card, CardButton, Slot } from '@yizhan/intent'
import type { ReplyButton, ReplyCard } from '../ledger/index.js'
import { filled, type Reader, type SlotValues } from '../slots/index.js'
import { inLanguage } from '../tenants/index.js'

/** A tenant's card as one reader sees it, with the values of slots in their places. */
export function cardFor(
  name: string,
  card: Card,
  reader: Reader,
  slots: readonly Slot[] = [],
  values: SlotValues = {},
): ReplyCard {
  const local = (map: Card['title']) => inLanguage(map, reader.language, reader.languages)
  const fill = (map: Card['title']) => filled(local(map), slots, values, reader)
  return {
    id: name,
    title: fill(card.title),
    text: card.text ? fill(card.text) : '',
    facts: card.facts.map((fact) => ({ name: fill(fact.name), value: fill(fact.value) })),
    buttons: card.buttons.flatMap((button) => {
      const does = actionOf(button, local)
      if (!does) return []
      const { style } = button
      return [{ label: local(button.label), does, ...(style === undefined ? {} : { style }) }]
    }),
  }
}

function actionOf(
  { intent, command, say, url }: CardButton,
  local: (map: Card['title']) => string,
): ReplyButton['does'] | undefined {
  if (url !== undefined) return { kind: 'url', url }
  if (say !== undefined) return { kind: 'say', text: local(say) }
  const action = intent ?? command
  return action === undefined ? undefined : { kind: 'action', action }
}

/** The same for a channel without cards: a number stands for its button. */
export function cardAsText({ title, text, facts, buttons }: ReplyCard): string {
  return [
    title,
    ...(text === '' ? [] : [text]),
    ...facts.map(({ name, value }) => `${name}: ${value}`),
    ...buttons.map(({ label, does }, i) => `${i + 1}. ${label}${does.kind === 'url' ? ` ${does.url}` : ''}`),
  ].join('\n')
}
