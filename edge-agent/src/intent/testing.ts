import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  buildManifest,
  chooseSamples,
  classifierOf,
  encodeModel,
  encodeSamples,
  type LabelledText,
  MANIFEST_FILE,
  SAMPLES_FILE,
  TENANT_FILE,
  type TenantFile,
  trainIntentModel,
  withoutExact,
} from '@yizhan/intent'
import { canonicalJson, sha256Hex, type TenantId } from '@yizhan/kernel'

export interface TestBundle {
  readonly dir: string
  readonly digest: string
}

const EXAMPLES: readonly LabelledText[] = [
  ...['怎么连 VPN', 'VPN 连不上', 'How do I connect to the VPN?', 'VPN login failed'].map((text) => ({
    text,
    intent: 'it.vpn',
  })),
  ...['我要请假', '怎么申请年假', 'I want to take leave', 'request sick leave'].map((text) => ({
    text,
    intent: 'leave.request',
  })),
]

/** For tests: trains a model of two intents, renamed with `prefix`, and writes it as a bundle. */
export async function writeTestBundle(
  root: string,
  tenant: TenantId,
  prefix = '',
  operatingPoint: TenantFile['operatingPoint'] = 'balanced',
): Promise<TestBundle> {
  const examples = EXAMPLES.map(({ text, intent }) => ({ text, intent: prefix + intent }))
  const model = await trainIntentModel({ examples, signal: new AbortController().signal })
  const tenantFile: TenantFile = {
    format: 1,
    tenant,
    name: { en: tenant },
    languages: ['zh', 'en'],
    operatingPoint,
    messages: {},
    intents: {},
  }
  const files = encodeModel(model).set(TENANT_FILE, Buffer.from(canonicalJson(tenantFile)))
  const samples = await chooseSamples(examples, classifierOf(withoutExact(model)))
  return writeBundle(root, tenant, files.set(SAMPLES_FILE, encodeSamples(samples)))
}

/** For tests: writes files with their manifest into a directory of their own. */
export async function writeBundle(
  root: string,
  tenant: TenantId,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<TestBundle> {
  const dir = await mkdtemp(join(root, 'bundle-'))
  const manifest = buildManifest({ tenant, version: 1, createdAt: 0, files })
  for (const [name, content] of files) await writeFile(join(dir, name), content)
  await writeFile(join(dir, MANIFEST_FILE), manifest)
  return { dir, digest: sha256Hex(manifest) }
}

/** For tests: a directory that is removed at the end. */
export async function testRoot(t: { after(fn: () => Promise<void>): void }): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'yizhan-intent-'))
  t.after(() => rm(root, { recursive: true, force: true }))
  return root
}

/** For tests: gives the event loop its turns until `condition` holds. The test's own timeout ends it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await nextTurn()
}
