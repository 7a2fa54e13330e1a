/** One quantity over time: [minutes, value], ascending. */
export type Series = readonly (readonly [number, number])[]

export interface Trend {
  /** Median of the last half. */
  readonly level: number
  /** What it grows by in a minute, over the last half: the median of the slopes between all its pairs of points. */
  readonly perMinute: number
  readonly levelsOff: boolean
}

/** A growth below this share of the level in a minute is none. */
const MOST_SHARE = 0.005

/**
 * Whether a quantity levels off: in the last half of the run it grows by less than half a percent of its level a minute, or by less
 * than `noise` in all of that half (what comes and goes by itself). The median of slopes does not mind the saw-teeth of
 * a heap.
 */
export function trendOf(series: Series, noise: number): Trend {
  const end = series.at(-1)?.[0] ?? 0
  const begin = series[0]?.[0] ?? 0
  const half = series.filter(([at]) => at >= begin + (end - begin) / 2)
  const slopes = half.flatMap(([at, value], i) =>
    half.slice(i + 1).map(([later, other]) => (other - value) / (later - at)),
  )
  const level = median(half.map(([, value]) => value))
  const perMinute = median(slopes)
  const grown = perMinute * ((end - begin) / 2)
  return { level, perMinute, levelsOff: perMinute < MOST_SHARE * level || grown < noise }
}

/**
 * The least of each minute: of a heap what is left after a collection and once a backlog is gone, without the garbage of the
 * moment, of which a machine that is slow for a minute leaves more.
 */
export function leastOfEachMinute(series: Series): Series {
  const least = new Map<number, number>()
  for (const [at, value] of series) {
    const minute = Math.floor(at)
    least.set(minute, Math.min(least.get(minute) ?? value, value))
  }
  return [...least]
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
