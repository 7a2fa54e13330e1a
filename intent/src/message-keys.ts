/**
 * The sentences that an edge says by itself, each with the placeholders that its text may use. Here because the center
 * checks a tenant's own words for them before they reach an edge; the edge's catalogue is held equal to it by a test.
 */
export const MESSAGE_PLACEHOLDERS: Readonly<Record<string, readonly string[]>> = {
  'help.intro': [],
  'help.commands': [],
  'status.link-up': [],
  'status.link-down': [],
  'status.nothing-waits': [],
  'status.waits': ['tickets'],
  'status.ticket': ['place', 'ticket'],
  'new.done': [],
  'cancel.done': ['count'],
  'cancel.nothing': [],
  'lang.done': [],
  'lang.other': ['language'],
  'lang.unknown': ['example', 'languages'],
  'human.none': [],
  'ticket.waits': [],
  'ticket.number': ['place', 'ticket'],
  'ask-back.question': [],
  'ask-back.neither': [],
  'end.cancelled': [],
  'end.expired': [],
  'end.failed': ['code'],
  'end.no-answer': [],
  'refuse.overloaded': [],
  'refuse.maintenance': [],
  'refuse.too-long': ['max'],
  'refuse.not-served': [],
  'card.unknown': [],
}

export type MessageProblem =
  | { readonly unknown: 'key' }
  | { readonly unknown: 'placeholder'; readonly name: string }

/** What is wrong with a tenant's own sentence for `key`, or undefined. */
export function messageProblem(key: string, sentence: string): MessageProblem | undefined {
  if (!Object.hasOwn(MESSAGE_PLACEHOLDERS, key)) return { unknown: 'key' }
  const known = MESSAGE_PLACEHOLDERS[key] ?? []
  const names = [...sentence.matchAll(/\{([a-z]+)\}/gu)].map((match) => match[1] ?? '')
  const wrong = names.find((name) => !known.includes(name))
  return wrong === undefined ? undefined : { unknown: 'placeholder', name: wrong }
}
