import { existsSync } from 'node:fs'
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Scope } from '../support/scope.js'

const ROOT = '/sys/fs/cgroup'

/** A memory cgroup, version 1 or 2; removed with the scope, when nobody is in it any more. */
export class MemoryGroup {
  readonly #path: string
  readonly #isV1: boolean

  private constructor(path: string, isV1: boolean) {
    this.#path = path
    this.#isV1 = isV1
  }

  static async make(scope: Scope, limitBytes: number): Promise<MemoryGroup> {
    const isV1 = existsSync(join(ROOT, 'memory'))
    const path = join(ROOT, ...(isV1 ? ['memory'] : []), `yz-fault-${process.pid}`)
    await mkdir(path)
    scope.after(() => rmdir(path))
    await writeFile(join(path, isV1 ? 'memory.limit_in_bytes' : 'memory.max'), String(limitBytes))
    return new MemoryGroup(path, isV1)
  }

  /** Execs what follows it inside the group. */
  get wrapper(): string[] {
    return ['sh', '-c', `echo $$ > ${join(this.#path, 'cgroup.procs')} && exec "$@"`, 'sh']
  }

  /** How often somebody in it was killed for want of memory. */
  async kills(): Promise<number> {
    const events = await readFile(
      join(this.#path, this.#isV1 ? 'memory.oom_control' : 'memory.events'),
      'utf8',
    )
    return Number(/^oom_kill (\d+)$/m.exec(events)?.[1] ?? 0)
  }
}
