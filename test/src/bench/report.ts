import { cpus, totalmem } from 'node:os'

/** One figure, with that of a peer measured in the same run where there is one. */
export interface Row {
  readonly what: string
  readonly value: number
  readonly unit: string
  readonly peer?: string
  readonly peerValue?: number
  /** value / peerValue. */
  readonly ratio?: number
}

export interface Report {
  readonly name: string
  /** ISO 8601. */
  readonly at: string
  readonly machine: string
  readonly rows: readonly Row[]
}

export function report(name: string, rows: readonly Row[]): Report {
  const [cpu] = cpus()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  const machine = `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${memory}, Node ${process.versions.node}`
  return { name, at: new Date().toISOString(), machine, rows }
}

export function beside(what: string, value: number, unit: string, peer: string, peerValue: number): Row {
  return {
    what,
    value: round(value),
    unit,
    peer,
    peerValue: round(peerValue),
    ratio: round(value / peerValue),
  }
}

export function alone(what: string, value: number, unit: string): Row {
  return { what, value: round(value), unit }
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export function table(of: Report): string {
  const lines = of.rows.map((row) => {
    const peer =
      row.peer === undefined ? '' : `   ${row.peer}: ${row.peerValue} ${row.unit}   ratio ${row.ratio}`
    return `  ${row.what.padEnd(44)} ${String(row.value).padStart(10)} ${row.unit}${peer}`
  })
  return [`${of.name}   ${of.at}   ${of.machine}`, ...lines].join('\n')
}

function round(value: number): number {
  return Number(value.toPrecision(4))
}
