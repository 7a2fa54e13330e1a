import { make, makeButton, name, put } from './element.js'
import { words } from './words.js'

const percent = (part) => `${Math.round(Math.min(Math.max(part, 0), 1) * 100)}%`

/** The chip `edge · it.vpn 0.97 · 3 ms`, and the panel that it opens: how the answer was decided. */
export function routeOf(entry) {
  const { route, answeredBy } = entry
  const panel = make('section', 'why')
  panel.id = `why-${entry.id}`
  panel.hidden = true
  panel.setAttribute('aria-label', words.routeTitle)
  const ms = route.tookMs ?? route.classifyMs
  const took = ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
  const said = [answeredBy, `${route.intent} ${route.score.toFixed(2)}`, took].join(' · ')
  const chip = makeButton(`tag route ${answeredBy}`, said, () => {
    if (panel.hidden && panel.childElementCount === 0) put(panel, ...explained(entry))
    panel.hidden = !panel.hidden
    chip.setAttribute('aria-expanded', String(!panel.hidden))
  })
  chip.setAttribute('aria-expanded', 'false')
  chip.setAttribute('aria-controls', panel.id)
  name(chip, words.route(said))
  return { chip, panel }
}

function explained({ route, model, citations = [] }) {
  const rows = [
    [words.decided, `${words.decision[route.decision] ?? route.decision} (${words.match[route.match]})`],
    [words.classified, words.ms(rounded(route.classifyMs))],
    [words.waited, route.waitedMs === undefined ? undefined : words.ms(rounded(route.waitedMs))],
    [
      words.centerQueue,
      route.centerQueueMs === undefined ? undefined : words.ms(rounded(route.centerQueueMs)),
    ],
    [words.took, route.tookMs === undefined ? undefined : words.ms(rounded(route.tookMs))],
    [words.model, model],
    [words.passages, citations.map(({ title, document: file }) => title || file).join(', ') || words.none],
  ]
  const list = make('dl', 'facts')
  for (const [label, value] of rows) {
    if (value !== undefined) put(list, put(make('div'), make('dt', '', label), make('dd', '', value)))
  }
  return [make('h4', '', words.top), bars(route), list]
}

const rounded = (ms) => (ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms))

function bars({ top, accept }) {
  const list = make('ol', 'bars')
  for (const { intent, score } of top.slice(0, 3)) {
    const bar = make('span', 'bar')
    const fill = make('span', score >= accept ? 'fill enough' : 'fill')
    fill.style.width = percent(score)
    const mark = make('span', 'mark')
    mark.style.left = percent(accept)
    put(
      list,
      put(
        make('li'),
        make('code', '', intent),
        put(bar, fill, mark),
        make('span', 'score', score.toFixed(2)),
      ),
    )
  }
  const frame = make('div')
  return put(frame, list, make('p', 'accept', words.threshold(accept.toFixed(2))))
}
