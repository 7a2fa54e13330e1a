export interface ChartLine {
  readonly name: string
  /** [x, y], x ascending. */
  readonly points: readonly (readonly [number, number])[]
}

export interface Chart {
  readonly title: string
  readonly unit: string
  readonly lines: readonly ChartLine[]
}

const WIDTH = 860
const HEIGHT = 190
const LEFT = 70
const RIGHT = 150
const TOP = 30
const BOTTOM = 26
const COLOURS = ['#2563eb', '#d97706', '#059669', '#dc2626']
const TICKS = 4

/** Line charts, one below the other over the same x axis, as one SVG. Every y axis begins at 0. */
export function lineCharts(charts: readonly Chart[], x: { readonly unit: string }): string {
  const most = Math.max(
    ...charts.flatMap(({ lines }) => lines.flatMap(({ points }) => points.map(([at]) => at))),
    0,
  )
  const bodies = charts.map(
    (chart, i) => `<g transform="translate(0 ${i * HEIGHT})">${panel(chart, most, x.unit)}</g>`,
  )
  const height = charts.length * HEIGHT
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="11" role="img">`,
    `<title>${charts.map(({ title }) => escaped(title)).join(', ')}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    ...bodies,
    '</svg>\n',
  ].join('\n')
}

function panel({ title, unit, lines }: Chart, mostX: number, xUnit: string): string {
  const mostY = roundUp(Math.max(...lines.flatMap(({ points }) => points.map(([, y]) => y)), 0))
  const width = WIDTH - LEFT - RIGHT
  const height = HEIGHT - TOP - BOTTOM
  const placeX = (at: number) => LEFT + (mostX === 0 ? 0 : (at / mostX) * width)
  const placeY = (value: number) => TOP + height - (mostY === 0 ? 0 : (value / mostY) * height)
  const ticks = Array.from({ length: TICKS + 1 }, (_, i) => i / TICKS)
  const grid = ticks.map((share) => {
    const y = placeY(share * mostY)
    const label = `<text x="${LEFT - 6}" y="${y + 4}" text-anchor="end" fill="#555">${short(share * mostY)}</text>`
    return `<line x1="${LEFT}" y1="${y}" x2="${LEFT + width}" y2="${y}" stroke="#e5e7eb"/>${label}`
  })
  const below = ticks.map((share) => {
    const text = `${short(share * mostX)}${share === 1 ? ` ${xUnit}` : ''}`
    return `<text x="${placeX(share * mostX)}" y="${HEIGHT - 8}" text-anchor="middle" fill="#555">${text}</text>`
  })
  const drawn = lines.map(({ name, points }, i) => {
    const colour = COLOURS[i % COLOURS.length]
    const path = points.map(([at, value]) => `${placeX(at).toFixed(1)},${placeY(value).toFixed(1)}`).join(' ')
    const label = `<text x="${LEFT + width + 10}" y="${TOP + 12 + i * 16}" fill="${colour}">${escaped(name)}</text>`
    return `<polyline fill="none" stroke="${colour}" stroke-width="1.5" points="${path}"/>${label}`
  })
  const head = `<text x="${LEFT}" y="${TOP - 10}" font-weight="bold">${escaped(title)} (${escaped(unit)})</text>`
  return [head, ...grid, ...below, ...drawn].join('\n')
}

/** The next 1, 2, 2.5 or 5 times a power of ten. */
function roundUp(value: number): number {
  if (value <= 0) return 0
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 2.5, 5].find((step) => step * power >= value) ?? 10) * power
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)))
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
