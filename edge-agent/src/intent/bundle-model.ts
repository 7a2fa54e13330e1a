import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  CARD_FILE,
  checkModel,
  DEFAULT_OPERATING_POINT,
  IntentCodec,
  MANIFEST_FILE,
  MODEL_FILE,
  type OperatingPoint,
  parseManifest,
  parseTenantFile,
  TENANT_FILE,
  verifyFile,
} from '@yizhan/intent'
import { sha256Hex, type TenantId, YizhanError } from '@yizhan/kernel'

/** The model of a bundle on this disk. */
export interface BundleModel {
  readonly codec: IntentCodec
  /** The tenant's operating point: it comes in the same bundle as the thresholds. */
  readonly point: OperatingPoint
  /** A buffer of its own, to be handed to the thread. */
  readonly onnx: Uint8Array<ArrayBuffer>
}

/** Content of a bundle's file; `sha256` is its digest, of the manifest the bundle's. */
export type ReadBundleFile = (path: string, sha256: string) => Promise<Uint8Array>

/**
 * Reads and checks what intents need of the bundle in `dir`: its digest, tenant, files and model. Throws
 * `data_corrupt`, `permission_denied` (another tenant's), `invalid_argument`, `not_found`.
 */
export async function readBundleModel(
  tenant: TenantId,
  dir: string,
  digest: string,
  readBundleFile: ReadBundleFile = (path) => readFile(path),
): Promise<BundleModel> {
  const read = (name: string, sha256: string) =>
    readBundleFile(join(dir, name), sha256).catch((cause) => {
      throw new YizhanError('not_found', `the bundle's file ${name} cannot be read`, { cause })
    })
  const manifestBytes = await read(MANIFEST_FILE, digest)
  if (sha256Hex(manifestBytes) !== digest) {
    throw new YizhanError('data_corrupt', 'the bundle on disk is not the one that was asked for')
  }
  const manifest = parseManifest(manifestBytes)
  if (manifest.tenant !== tenant) {
    throw new YizhanError('permission_denied', 'the bundle belongs to another tenant')
  }
  const files = new Map<string, Uint8Array>()
  for (const entry of manifest.files) {
    if (entry.path !== MODEL_FILE && entry.path !== CARD_FILE && entry.path !== TENANT_FILE) continue
    const content = await read(entry.path, entry.sha256)
    verifyFile(entry, content)
    files.set(entry.path, content)
  }
  const { card, onnx } = checkModel(files)
  const tenantFile = files.get(TENANT_FILE)
  const point = tenantFile ? parseTenantFile(tenantFile).operatingPoint : DEFAULT_OPERATING_POINT
  return { codec: new IntentCodec(card), point, onnx: new Uint8Array(onnx) }
}
