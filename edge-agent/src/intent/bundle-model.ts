import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  DEFAULT_OPERATING_POINT,
  MANIFEST_FILE,
  MODEL_FILES,
  type ModelSample,
  type OperatingPoint,
  parseManifest,
  parseSamples,
  parseTenantFile,
  SAMPLES_FILE,
  type ServableModel,
  servableModel,
  TENANT_FILE,
  verifyFile,
} from '@yizhan/intent'
import { sha256Hex, type TenantId, YizhanError } from '@yizhan/kernel'

/** The model of a bundle on this disk. */
export interface BundleModel {
  readonly model: ServableModel
  /** The tenant's operating point: it comes in the same bundle as the thresholds. */
  readonly point: OperatingPoint
  /** What it is tried with; empty in a bundle of an older center. */
  readonly samples: readonly ModelSample[]
}

/** Whether the files of a model are fit to be run at all; throws `invalid_argument`, `not_found`. */
export type CheckModel = (files: ReadonlyMap<string, Uint8Array>) => ServableModel

const READ: ReadonlySet<string> = new Set([...MODEL_FILES, TENANT_FILE, SAMPLES_FILE])

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
  check: CheckModel = servableModel,
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
    if (!READ.has(entry.path)) continue
    const content = await read(entry.path, entry.sha256)
    verifyFile(entry, content)
    files.set(entry.path, content)
  }
  const model = check(files)
  const tenantFile = files.get(TENANT_FILE)
  const point = tenantFile ? parseTenantFile(tenantFile).operatingPoint : DEFAULT_OPERATING_POINT
  const samples = files.get(SAMPLES_FILE)
  return { model, point, samples: samples ? parseSamples(samples) : [] }
}
