/**
 * The text of a reply without the lines that the page shows as something to press or as a live value: the numbered choices,
 * and the line with a ticket's number and place, which grows old. Other channels have nothing but the text.
 */
export function unshown({ text = '', choices = [], ticket, handoff, type }) {
  const numbered = new Set(choices.map((choice) => `${choice.text}. ${choice.label}`))
  const isTicket = type === 'notice' && ticket !== undefined && handoff === undefined
  const lines = text.split('\n')
  const kept = lines.filter((line) => !numbered.has(line) && !(isTicket && line.includes(ticket)))
  // Nothing is left where a tenant says it all in one line of its own.
  return kept.some((line) => line.trim() !== '') ? kept.join('\n') : text
}
