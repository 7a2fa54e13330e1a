import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import type { TestContext } from 'node:test'
import { postgresBin } from '@yizhan/center/storage/postgres/testing'
import { found } from '../../support/required.js'

const FIU = ['/usr/lib/fiu/fiu_run_preload.so', '/usr/lib/fiu/fiu_posix_preload.so'] as const
const FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1'

/** Shared objects that a case preloads into a process. */
export const PRELOADS = { fiu: FIU.join(' '), faketime: FAKETIME } as const

const runs = (program: string) => () => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
const isRoot = () => process.getuid?.() === 0
const reads = (path: string) => () => {
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch {
    return false
  }
}
const allows = (script: string) => () => spawnSync('sh', ['-c', script]).status === 0
const MOUNTS = 'd=$(mktemp -d) && mount -t tmpfs -o size=1m none "$d"; s=$?; umount "$d"; rmdir "$d"; exit $s'
const NETNS = 'unshare --net nsenter --net=/proc/self/ns/net true'
const CGROUP = `d=/sys/fs/cgroup/memory; [ -d "$d" ] || d=/sys/fs/cgroup; g="$d/yz-need-$$"; mkdir "$g" && { [ -w "$g/memory.limit_in_bytes" ] || [ -w "$g/memory.max" ]; }; s=$?; rmdir "$g"; exit $s`

/** What a case may need, and how it is found out whether it is here. */
const NEEDS = {
  root: isRoot,
  strace: runs('strace'),
  prlimit: runs('prlimit'),
  nft: runs('nft'),
  ip: runs('ip'),
  tc: runs('tc'),
  fiu: () => FIU.every((path) => reads(path)()),
  faketime: reads(FAKETIME),
  postgres: () => postgresBin() !== undefined,
  /** Mounting a tmpfs. */
  mount: () => isRoot() && allows(MOUNTS)(),
  /** A network of its own: the case runs in one. */
  netns: () => isRoot() && allows(NETNS)(),
  /** A memory cgroup of one's own, version 1 or 2. */
  'memory-cgroup': () => isRoot() && allows(CGROUP)(),
} as const satisfies Readonly<Record<string, () => boolean>>

export type Need = keyof typeof NEEDS

/** For a test: whether a need is met. If not it is skipped by name, or fails under YIZHAN_TEST_REQUIRE=all. */
export function allowed(t: TestContext, need: Need): boolean {
  return found(t, need, unmet([need]).length === 0)
}

/** Those of the needs that are not met on this machine. */
export function unmet(needs: readonly Need[]): Need[] {
  return needs.filter((need) => !NEEDS[need]())
}
