import { open, stat, truncate } from 'node:fs/promises'

const CALLS = 'openat,write,writev,pwrite64,pwritev,ftruncate,fallocate,fsync,fdatasync,rename,unlink'

/** Writes a trace of what a program writes and syncs to `file`; a wrapper for `Launch`. */
export function tracing(file: string): string[] {
  // -D: the program keeps its pid, strace is its grandchild. -x -s 4: four bytes of what is written, to tell zeroes.
  return [
    'strace',
    '-D',
    '-f',
    '-y',
    '-q',
    '-x',
    '-s',
    '4',
    '--seccomp-bpf',
    '-e',
    `trace=${CALLS}`,
    '-o',
    file,
  ]
}

interface Range {
  readonly from: number
  readonly to: number
}

interface Traced {
  /** Where the next write without an offset goes. */
  end: number
  /** End of what was written for real (preallocated zeroes are not) and synced. */
  synced: number
  dirty: Range[]
}

/** What of each file no sync has covered: lost in a power cut. */
export class WrittenTrace {
  readonly #files = new Map<string, Traced>()
  /** Calls that have begun, by thread. */
  readonly #begun = new Map<string, string>()
  readonly #underWay = new Map<
    string,
    { readonly path: string; readonly dirty: readonly Range[]; readonly end: number }
  >()
  readonly #sizes: ReadonlyMap<string, number>
  syncs = 0

  /** `sizes`: of the files that were there before the trace began. */
  constructor(trace: string, sizes: ReadonlyMap<string, number>) {
    this.#sizes = sizes
    for (const line of trace.split('\n')) this.#line(line)
  }

  /** Takes from the disk what was not synced, as a power cut may; resolves with how many bytes in how many files. */
  async cutPower(isMeant: (path: string) => boolean): Promise<{ bytesCut: number; filesCut: number }> {
    let bytesCut = 0
    let filesCut = 0
    for (const [path, { dirty, synced }] of this.#files) {
      // What replaces content that was synced may be on disk or not: it stays.
      const fresh = dirty.filter(({ from }) => from >= synced)
      const size = isMeant(path) ? await sizeOf(path) : undefined
      if (fresh.length === 0 || size === undefined) continue
      const from = Math.min(...fresh.map((range) => range.from))
      const to = Math.min(size, Math.max(...fresh.map((range) => range.to)))
      if (to <= from) continue
      if (to === size) await truncate(path, from)
      else await zero(path, from, to)
      bytesCut += to - from
      filesCut += 1
    }
    return { bytesCut, filesCut }
  }

  #line(line: string): void {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    const unfinished = / *<unfinished \.\.\.>$/
    if (unfinished.test(rest)) {
      const call = rest.replace(unfinished, '')
      this.#begun.set(thread, call)
      this.#begin(thread, call)
      return
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)
    const call = resumed ? `${this.#begun.get(thread) ?? ''}${resumed[1]}` : rest
    if (!resumed) this.#begin(thread, call)
    this.#end(thread, call)
  }

  /** A sync covers what was written before it began. */
  #begin(thread: string, call: string): void {
    const [, path] = /^(?:fsync|fdatasync)\(\d+<([^>]*)>/.exec(call) ?? []
    const file = path === undefined ? undefined : this.#files.get(path)
    if (path !== undefined && file)
      this.#underWay.set(thread, { path, dirty: [...file.dirty], end: file.end })
  }

  #end(thread: string, call: string): void {
    const result = Number(/= (-?\d+)[^=]*$/.exec(call)?.[1] ?? -1)
    if (result < 0) return
    const [name = ''] = call.split('(')
    switch (name) {
      case 'fsync':
      case 'fdatasync':
        this.#synced(thread)
        break
      case 'openat':
        this.#opened(call)
        break
      case 'rename':
        this.#renamed(call)
        break
      case 'unlink':
        this.#files.delete(/"([^"]*)"/.exec(call)?.[1] ?? '')
        break
      case 'ftruncate':
        this.#shortened(call)
        break
      case 'fallocate':
        break
      default:
        this.#wrote(name, call, result)
    }
  }

  #shortened(call: string): void {
    const file = this.#fileOf(call)
    if (!file) return
    const end = Number(/, (\d+)\)/.exec(call)?.[1])
    file.end = end
    file.dirty = file.dirty.filter(({ from }) => from < end)
    file.synced = Math.min(file.synced, end)
  }

  #wrote(name: string, call: string, bytes: number): void {
    const file = this.#fileOf(call)
    if (!file) return
    const offset = name.startsWith('p') ? Number(/, (\d+)\) +=/.exec(call)?.[1]) : file.end
    if (!name.startsWith('p')) file.end += bytes
    const isZero = /"(\\x00)+"/.test(call)
    if (!isZero) file.dirty.push({ from: offset, to: offset + bytes })
  }

  #synced(thread: string): void {
    const under = this.#underWay.get(thread)
    this.#underWay.delete(thread)
    const file = under && this.#files.get(under.path)
    if (!under || !file) return
    this.syncs += 1
    file.synced = Math.max(file.synced, ...under.dirty.map(({ to }) => to))
    file.dirty = file.dirty.filter((range) => !under.dirty.includes(range))
  }

  #opened(call: string): void {
    const path = /= \d+<([^>]*)>/.exec(call)?.[1]
    if (path && call.includes('O_TRUNC')) this.#files.set(path, { end: 0, synced: 0, dirty: [] })
  }

  #renamed(call: string): void {
    const [from = '', to = ''] = [...call.matchAll(/"([^"]*)"/g)].map((match) => match[1] ?? '')
    const file = this.#files.get(from)
    this.#files.delete(from)
    if (file) this.#files.set(to, file)
  }

  #fileOf(call: string): Traced | undefined {
    const [, path] = /^\w+\(\d+<([^>]*)>/.exec(call) ?? []
    // Not a pipe or a socket.
    if (!path?.startsWith('/')) return undefined
    const size = this.#sizes.get(path) ?? 0
    const file = this.#files.get(path) ?? { end: size, synced: size, dirty: [] }
    this.#files.set(path, file)
    return file
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size
}

async function zero(path: string, from: number, to: number): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.write(Buffer.alloc(to - from), 0, to - from, from)
  } finally {
    await file.close()
  }
}
