import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openSigner } from '@yizhan/center/fleet'
import { openStorage } from '@yizhan/center/storage'
import { buildManifest, MANIFEST_FILE, SIGNATURE_FILE, signManifest } from '@yizhan/intent'
import {
  asTenantId,
  createSealer,
  openKek,
  openKeyStore,
  parseJson,
  sha256Hex,
  silentLogger,
  systemClock,
} from '@yizhan/kernel'

interface Current {
  readonly version: number
  readonly digest: string
}

/**
 * Puts a bundle in force behind the back of a center that does not run: signed by its own key, past every check that the
 * center makes. Gives its digest.
 */
export async function putInForce(
  centerState: string,
  tenantId: string,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<string> {
  const tenant = asTenantId(tenantId)
  if (!tenant) throw new RangeError('no tenant id')
  const log = silentLogger()
  const [clock, keysDir] = [systemClock, join(centerState, 'keys')]
  const place = { defaultFile: join(centerState, 'kek'), keysDir, credentialsDirectory: undefined, clock }
  const kek = await openKek({ provider: 'file', credential: '', command: [] }, place)
  const keys = await openKeyStore({ kek, log, clock }, { dir: keysDir })
  const sealer = createSealer({ keyring: keys })
  const storage = await openStorage({ log, sealer, clock }, { dir: join(centerState, 'data'), shards: 2 })
  try {
    const held = await storage.store.get(tenant, 'tenants', 'current')
    const current = parseJson(Buffer.from(held?.value ?? []).toString('utf8')) as Current
    const version = current.version + 1
    const manifest = buildManifest({ tenant, version, createdAt: clock.wall(), files })
    const digest = sha256Hex(manifest)
    const { keyId, privateKey } = (await openSigner({ log }, { dir: join(centerState, 'ca') })).current
    const signature = Buffer.from(signManifest(manifest, privateKey)).toString('base64')
    const dir = join(centerState, 'bundles', digest)
    await mkdir(dir, { recursive: true, mode: 0o700 })
    const sign = [SIGNATURE_FILE, Buffer.from(JSON.stringify({ keyId, signature }))] as const
    for (const [name, content] of [...files, sign, [MANIFEST_FILE, manifest] as const]) {
      await writeFile(join(dir, name), content)
    }
    const sizeBytes = [...files.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)
    const value = Buffer.from(JSON.stringify({ ...current, version, digest, sizeBytes }))
    await storage.store.batch(tenant, [{ op: 'put', collection: 'tenants', key: 'current', value }], {
      time: clock.wall(),
      actor: 'intruder',
      action: 'UPDATE',
      object: 'tenants/current',
    })
    return digest
  } finally {
    await storage.close()
    await keys.close()
  }
}
