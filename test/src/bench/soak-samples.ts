import type { Dirent } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { leastOfEachMinute, type Trend, trendOf } from './levels-off.js'
import type { Chart } from './line-chart.js'

/** A process that is watched. */
export interface Watched {
  readonly name: string
  readonly pid: () => number
  /** Of its `/metrics`. */
  readonly metricsUrl: () => string
  readonly directory: string
}

/** Told, not judged: what a memory that grows is made of. */
const ANY = Number.POSITIVE_INFINITY

/** What is looked at, how much of it comes and goes by itself, and whether the least of each minute is what counts. */
export const QUANTITIES = {
  heap: { title: 'Heap in use', unit: 'MB', noise: 8, least: true },
  /** Without mapped files (RssAnon): a store maps its tables, and the system drops what it needs the room for. */
  memory: { title: 'Resident memory of its own', unit: 'MB', noise: 15, least: true },
  reserved: { title: 'Heap reserved', unit: 'MB', noise: ANY, least: true },
  external: { title: 'Buffers outside of the heap', unit: 'MB', noise: ANY, least: true },
  descriptors: { title: 'Open descriptors', unit: 'descriptors', noise: 10, least: false },
  directory: { title: 'State directory', unit: 'MB', noise: 8, least: false },
} as const

export type Quantity = keyof typeof QUANTITIES
export const NAMES = Object.keys(QUANTITIES) as Quantity[]

export interface Sample extends Readonly<Record<Quantity, number>> {
  readonly process: string
  /** Minutes since the start. */
  readonly minute: number
}

/** Samples every `everyMs` until the signal; what cannot be read (a process that is gone) fails the run. */
export async function watch(
  processes: readonly Watched[],
  everyMs: number,
  signal: AbortSignal,
): Promise<Sample[]> {
  const samples: Sample[] = []
  const started = performance.now()
  for (;;) {
    for (const one of processes) {
      const minute = (performance.now() - started) / 60_000
      samples.push({ process: one.name, minute, ...(await measure(one)) })
    }
    const stopped = await pause(everyMs, false, { signal }).catch(() => true)
    if (stopped) return samples
  }
}

export function trends(samples: readonly Sample[], process: string): Record<Quantity, Trend> {
  const own = samples.filter((sample) => sample.process === process)
  const of = (quantity: Quantity) => {
    const { noise, least } = QUANTITIES[quantity]
    const series = own.map((sample) => [sample.minute, sample[quantity]] as const)
    return trendOf(least ? leastOfEachMinute(series) : series, noise)
  }
  return {
    heap: of('heap'),
    memory: of('memory'),
    reserved: of('reserved'),
    external: of('external'),
    descriptors: of('descriptors'),
    directory: of('directory'),
  }
}

export function chartsOf(samples: readonly Sample[]): Chart[] {
  const processes = [...new Set(samples.map(({ process }) => process))]
  return NAMES.map((quantity) => ({
    ...QUANTITIES[quantity],
    lines: processes.map((name) => ({
      name,
      points: samples
        .filter(({ process }) => process === name)
        .map((sample) => [sample.minute, sample[quantity]] as const),
    })),
  }))
}

async function measure({ pid, metricsUrl, directory }: Watched): Promise<Record<Quantity, number>> {
  const text = await (await fetch(metricsUrl())).text()
  const megabytes = (name: string) =>
    Number(new RegExp(`^yizhan_nodejs_${name}_bytes (\\S+)`, 'm').exec(text)?.[1]) / 1e6
  const [, kib] = /^RssAnon:\s+(\d+)/m.exec(await readFile(`/proc/${pid()}/status`, 'utf8')) ?? []
  return {
    heap: megabytes('heap_size_used'),
    reserved: megabytes('heap_size_total'),
    external: megabytes('external_memory'),
    memory: (Number(kib) * 1_024) / 1e6,
    descriptors: (await readdir(`/proc/${pid()}/fd`)).length,
    directory: (await bytesIn(directory)) / 1e6,
  }
}

/** Bytes of all files; what goes while it is looked at counts as nothing. */
async function bytesIn(directory: string): Promise<number> {
  const gone = (thrown: NodeJS.ErrnoException): undefined => {
    if (thrown.code !== 'ENOENT') throw thrown
  }
  const entries: readonly Dirent[] = (await readdir(directory, { withFileTypes: true }).catch(gone)) ?? []
  let sum = 0
  for (const entry of entries) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) sum += await bytesIn(path)
    else if (entry.isFile()) sum += (await stat(path).catch(gone))?.size ?? 0
  }
  return sum
}
