import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'

export const TENANT = 'apiVersion: yizhan/v1\ntenant: acme\nname: Acme\nlanguages: [en]\n'
export const VPN =
  'it.vpn:\n  ask: |\n    How do I connect to the VPN?\n    vpn does not work\n    remote access\n  reply: Scan the code.\n'

/** For tests: a new directory with these files, gone after the test. */
export async function directoryOf(
  t: TestContext,
  files: Readonly<Record<string, string>> = { 'tenant.yaml': TENANT, 'intents/it.yaml': VPN },
): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-tenant-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true })
    await writeFile(join(dir, path), text)
  }
  return dir
}
