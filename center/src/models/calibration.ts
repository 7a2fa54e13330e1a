import type { HeldOutJudgement } from '@yizhan/intent'
import type { Bin } from './report.js'

const BINS = 10

/** Scores in ten bins of equal width, those with texts, each with how often its best intents are right. */
export function calibrationOf(judged: readonly HeldOutJudgement[]): Bin[] {
  return Array.from({ length: BINS }, (_, i) => {
    const own = judged.filter(({ score }) => Math.min(BINS - 1, Math.floor(score * BINS)) === i)
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / own.length
    return {
      from: i / BINS,
      to: (i + 1) / BINS,
      n: own.length,
      score: mean(own.map(({ score }) => score)),
      right: mean(own.map(({ intent, best }) => (intent === best ? 1 : 0))),
    }
  }).filter(({ n }) => n > 0)
}

const SIZE = 320
const MARGIN = 40

/** The curve as SVG: what scores say against how often they are right, beside the diagonal; a dot grows with its texts. */
export function calibrationSvg(bins: readonly Bin[]): string {
  const x = (value: number) => (MARGIN + value * SIZE).toFixed(1)
  const y = (value: number) => (MARGIN + (1 - value) * SIZE).toFixed(1)
  const side = SIZE + 2 * MARGIN
  const most = Math.max(1, ...bins.map(({ n }) => n))
  const points = bins.map(({ score, right }) => `${x(score)},${y(right)}`).join(' ')
  const ticks = [0, 0.25, 0.5, 0.75, 1].flatMap((value) => [
    `<text x="${x(value)}" y="${side - MARGIN + 18}" text-anchor="middle">${value}</text>`,
    `<text x="${MARGIN - 8}" y="${y(value)}" text-anchor="end" dominant-baseline="middle">${value}</text>`,
  ])
  const dots = bins.map(({ score, right, n }) => {
    const radius = (3 + 7 * Math.sqrt(n / most)).toFixed(1)
    const title = `<title>${n}: ${score.toFixed(2)} → ${right.toFixed(2)}</title>`
    return `<circle cx="${x(score)}" cy="${y(right)}" r="${radius}" fill="#2563eb" fill-opacity=".7">${title}</circle>`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${side} ${side}" width="${side}" height="${side}" role="img" font-family="system-ui,sans-serif" font-size="12" fill="currentColor">`,
    `<rect x="${MARGIN}" y="${MARGIN}" width="${SIZE}" height="${SIZE}" fill="none" stroke="#9ca3af"/>`,
    `<line x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}" stroke="#9ca3af" stroke-dasharray="4 4"/>`,
    `<polyline points="${points}" fill="none" stroke="#2563eb" stroke-width="2"/>`,
    ...dots,
    ...ticks,
    '</svg>',
  ].join('\n')
}
