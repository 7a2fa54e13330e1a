import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lineCharts } from './line-chart.js'

test('each line is drawn from left to right over an axis that begins at 0, names escaped', () => {
  const svg = lineCharts(
    [
      {
        title: 'Heap',
        unit: 'MB',
        lines: [
          {
            name: 'edge <a&b>',
            points: [
              [0, 0],
              [1, 40],
              [2, 20],
            ],
          },
        ],
      },
      {
        title: 'Descriptors',
        unit: 'open',
        lines: [
          {
            name: 'center',
            points: [
              [0, 5],
              [2, 5],
            ],
          },
        ],
      },
    ],
    { unit: 'min' },
  )
  assert.equal(svg.match(/<polyline/g)?.length, 2)
  assert.match(svg, /edge &lt;a&amp;b&gt;/)
  const [, first = ''] = /points="([^"]+)"/.exec(svg) ?? []
  const points = first.split(' ').map((pair) => pair.split(',').map(Number))
  assert.equal(points.length, 3)
  assert.ok(points.every(([x = 0], i) => i === 0 || x > (points[i - 1]?.[0] ?? 0)))
  const [floor, peak, half] = points.map(([, y = 0]) => y)
  assert.ok(peak !== undefined && half !== undefined && floor !== undefined && peak < half && half < floor)
})

test('nothing measured is an empty chart, not a broken one', () => {
  const svg = lineCharts([{ title: 'Heap', unit: 'MB', lines: [{ name: 'edge', points: [] }] }], {
    unit: 'min',
  })
  assert.doesNotMatch(svg, /NaN|Infinity/)
})
