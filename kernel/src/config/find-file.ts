import { existsSync } from 'node:fs'
import type { Environment } from './env.js'

/**
 * Which config file applies: `--config`, else `YIZHAN_CONFIG`, else `/etc/yizhan/<program>.yaml` if it exists. Only
 * a named file must exist. Drop-ins lie in `<file>.d/`.
 */
export function findConfigFile(
  program: 'center' | 'edge',
  flag: string | undefined,
  env: Environment,
): { file?: string; dropInDir: string } {
  const named = flag || env.YIZHAN_CONFIG || undefined
  const file = named ?? `/etc/yizhan/${program}.yaml`
  const dropInDir = `${file}.d`
  return named !== undefined || existsSync(file) ? { file, dropInDir } : { dropInDir }
}
