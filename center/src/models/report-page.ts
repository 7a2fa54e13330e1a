import { calibrationSvg } from './calibration.js'
import type { ModelReport, Ways } from './report.js'
import { objections } from './report.js'

type Row = readonly (string | number)[]

/** A report as one HTML page that needs nothing else and fetches nothing. */
export function reportPage(report: ModelReport): string {
  const { tenant, number, digest, madeAt, trainMs, examples, unseen, heldOut, tests, changes, waiting } =
    report
  const against = objections(report)
  const numbers: Row[] = [
    ['Examples written', examples.written],
    ['Questions taught', examples.taught],
    ['Background questions', examples.background],
    ['Intents', examples.intents],
    ['Trained in', `${(trainMs / 1_000).toFixed(1)} s`],
    [
      `Operating point ${report.operatingPoint}`,
      `answers from ${report.accept}, asks from ${report.askBack}`,
    ],
    ['Unseen examples', unseen.n],
    ['… whose best intent is right', percent(unseen.right)],
    ['… that are answered so', percent(unseen.answered)],
    ['Out of scope, not answered', percent(unseen.oosRecall)],
    ['Tests', `${tests.passed} hold, ${tests.failed.length} do not`],
    ['Labelled questions held out', heldOut.n],
    [
      '… right',
      heldOut.before === undefined ? heldOut.right : `${heldOut.right} (in force: ${heldOut.before})`,
    ],
    ['Questions that wait for a label', waiting.n],
    ['… now', ways(waiting.now)],
    ['… in force', waiting.before ? ways(waiting.before) : '–'],
  ]
  const perIntent = report.intents.map(
    ({ intent, examples: own, tests: tested, n, right, answered, takenFor }) => [
      intent,
      own,
      tested,
      n,
      n === 0 ? '–' : percent(right / n),
      n === 0 ? '–' : percent(answered / n),
      takenFor ?? '',
    ],
  )
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    `<title>${escaped(tenant)}: version ${number}</title><style>${STYLE}</style></head><body>`,
    `<h1>${escaped(tenant)}: version ${number}</h1>`,
    `<p>${new Date(madeAt).toISOString()} · <code>${escaped(digest.slice(0, 12))}</code></p>`,
    against.length > 0
      ? `<p class="bad">${escaped(against.join('; '))}</p>`
      : '<p class="good">Nothing speaks against it.</p>',
    table(['', ''], numbers),
    section(
      'What changes',
      [
        ...changes.added.map((intent) => ['intent', 'new', intent]),
        ...changes.removed.map((intent) => ['intent', 'gone', intent]),
        ...changes.decisions.map(({ text, from, to }) => [text, from, to]),
        ...heldOut.lost.map((id) => [id, 'right', 'wrong']),
        ...heldOut.won.map((id) => [id, 'wrong', 'right']),
      ],
      ['of', 'before', 'now'],
    ),
    section('Intents', perIntent, [
      'intent',
      'examples',
      'tests',
      'unseen',
      'right',
      'answered',
      'taken for',
    ]),
    section(
      'Confusions',
      report.confusions.map(({ intent, takenFor, n, such }) => [intent, takenFor, n, such.join(' · ')]),
      ['intent', 'taken for', 'times', 'such as'],
    ),
    '<h2>Calibration</h2><p>What a score says against how often the best intent is right.</p>',
    calibrationSvg(report.calibration),
    section(
      'Tests that do not hold',
      tests.failed.map((line) => [line]),
      [''],
    ),
    section(
      'One question in several intents',
      report.conflicts.map(({ text, intents }) => [text, intents.join(', ')]),
      ['question', 'intents'],
    ),
    section(
      'Written more than once',
      report.duplicates.map(({ text, intent, times }) => [text, intent, times]),
      ['question', 'intent', 'times'],
    ),
    section(
      'Labels left out',
      report.leftOut.map(({ sample, intent }) => [sample, intent]),
      ['sample', 'label'],
    ),
    '</body></html>',
    '',
  ].join('\n')
}

function section(title: string, rows: readonly Row[], heads: readonly string[]): string {
  return rows.length === 0 ? '' : `<h2>${escaped(title)}</h2>${table(heads, rows)}`
}

function table(heads: readonly string[], rows: readonly Row[]): string {
  const head = heads.some((text) => text !== '')
    ? `<tr>${heads.map((text) => `<th>${escaped(text)}</th>`).join('')}</tr>`
    : ''
  const body = rows.map(
    (row) => `<tr>${row.map((cell) => `<td>${escaped(String(cell))}</td>`).join('')}</tr>`,
  )
  return `<table>${head}${body.join('\n')}</table>`
}

function ways({ answered, askedBack, forwarded }: Ways): string {
  return `${answered} answered, ${askedBack} asked back, ${forwarded} to the center`
}

function percent(share: number | undefined): string {
  return share === undefined ? '–' : `${(share * 100).toFixed(1)} %`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (mark) => ENTITIES[mark] ?? mark)
}

const STYLE = [
  'body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111;background:#fff}',
  'table{border-collapse:collapse;margin:.5rem 0}td,th{border-bottom:1px solid #ddd;padding:.25rem .75rem;text-align:left;vertical-align:top}',
  '.bad{color:#b91c1c;font-weight:600}.good{color:#15803d}',
  '@media(prefers-color-scheme:dark){body{color:#eee;background:#111}td,th{border-color:#444}}',
].join('')
