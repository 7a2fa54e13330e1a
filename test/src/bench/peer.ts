import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { YizhanError } from '@yizhan/kernel'

/** The directory of a peer, its packages installed where they are not yet. Throws `failed_precondition`. */
export async function installedPeer(name: string): Promise<string> {
  const dir = fileURLToPath(new URL(`../../bench-peers/${name}/`, import.meta.url))
  if (existsSync(join(dir, 'node_modules'))) return dir
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund']
  const child = spawn(npm, args, { cwd: dir, stdio: ['ignore', 'ignore', 'inherit'] })
  const [code] = await once(child, 'close')
  if (code === 0) return dir
  throw new YizhanError('failed_precondition', `npm ci in ${dir} did not succeed; its words are above`)
}
