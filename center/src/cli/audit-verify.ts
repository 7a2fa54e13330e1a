import { createPublicKey, type KeyObject } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { type CliIo, type CliText, systemCode, YizhanError } from '@yizhan/kernel'
import type { Command } from 'commander'
import type { AuditVerdict, ExportVerdict, FileBreach, SignedAnchor } from '../audit/index.js'
import { nonEmpty, tenantId } from './arguments.js'
import { type Answer, type CenterCall, inPath } from './center-call.js'

interface VerifyOptions {
  readonly tenant?: string
  readonly file?: string
  readonly anchors?: string
  readonly key?: string
}

/** A long audit takes minutes. */
const LONG = { timeoutMs: 24 * 3_600_000 }
/** That one request takes. */
const MAX_ANCHORS = 2_000

/** `audit verify`: of a tenant through the center, or of an exported file without it. */
export function auditVerify(audit: Command, io: CliIo, call: CenterCall): Command {
  return audit
    .command('verify')
    .description(
      io.say({
        en: 'hold every entry against the one before, the head and anchors; exit 1 and the first bad one if it does not hold',
        zh: '逐条校验哈希链、链头与锚点；不符时指出第一条并以 1 退出',
      }),
    )
    .option('--tenant <tenant>', io.say({ en: 'of this tenant', zh: '租户 id' }), tenantId(io))
    .option(
      '--file <export>',
      io.say({ en: 'an exported jsonl file; needs no center', zh: '导出的 jsonl 文件，无需中心' }),
      nonEmpty(io),
    )
    .option(
      '--anchors <file>',
      io.say({ en: 'anchors that were kept elsewhere', zh: '另存的锚点文件' }),
      nonEmpty(io),
    )
    .option(
      '--key <pem>',
      io.say({ en: 'the public key of the center, for --file', zh: '中心的公钥，配合 --file' }),
      nonEmpty(io),
    )
    .action(async (options: VerifyOptions, command: Command) => {
      const { tenant, file } = options
      if ((tenant === undefined) === (file === undefined)) {
        throw new YizhanError(
          'invalid_argument',
          io.say({ en: 'either --tenant or --file', zh: '请指定 --tenant 或 --file 之一' }),
        )
      }
      const verdict =
        file === undefined
          ? await throughCenter(io, call, command, { ...options, tenant: tenant ?? '' })
          : await ofFile(io, file, options)
      io.record({ ...verdict })
      if (verdict.s !== 'whole') throw broken(io, verdict)
      if (verdict.anchors === 0) {
        io.err(
          io.say({
            en: 'no anchor was compared: whoever has the keys could have written all of it anew',
            zh: '未与任何锚点比对：掌握密钥者可能已整体重写',
          }),
        )
      }
    })
}

async function throughCenter(
  io: CliIo,
  call: CenterCall,
  command: Command,
  { tenant, anchors }: { readonly tenant: string; readonly anchors?: string },
): Promise<AuditVerdict> {
  const path = `/v1/tenants/${inPath(tenant)}/audit/verify`
  if (anchors === undefined) return call<AuditVerdict & Answer>(command, 'GET', path, undefined, LONG)
  const all = (await anchorsIn(io, anchors)).filter((anchor) => anchor.tenant === tenant)
  if (all.length === 0) throw noAnchor(io, tenant)
  const newest = all.sort((a, b) => b.sequence - a.sequence).slice(0, MAX_ANCHORS)
  return call<AuditVerdict & Answer>(command, 'POST', path, { anchors: newest }, LONG)
}

/** The newest in a file, whatever else is in it; their signatures are checked by whoever knows the key. */
async function anchorsIn(io: CliIo, path: string): Promise<SignedAnchor[]> {
  await readable(io, path)
  const { anchorInLine, linesOf } = await import('../audit/index.js')
  const found: SignedAnchor[] = []
  for await (const line of linesOf(path)) {
    const anchor = anchorInLine(line)
    if (anchor) found.push(anchor)
  }
  return found
}

async function ofFile(io: CliIo, file: string, { anchors, key }: VerifyOptions): Promise<ExportVerdict> {
  await readable(io, file)
  const publicKey = key === undefined ? undefined : await keyIn(io, key)
  const { checkExport, linesOf } = await import('../audit/index.js')
  const kept = anchors === undefined ? [] : await anchorsIn(io, anchors)
  const verdict = await checkExport(linesOf(file), { anchors: kept, ...(publicKey ? { publicKey } : {}) })
  if (verdict.s !== 'whole') return verdict
  if (anchors !== undefined && !kept.some(({ tenant }) => tenant === verdict.tenant)) {
    throw noAnchor(io, verdict.tenant)
  }
  if (!publicKey) {
    const { keyId } = verdict
    io.err(
      io.say({
        en: `signed by ${keyId}, a key that only the file vouches for: give --key (yizhan-center audit keys)`,
        zh: `签名密钥 ${keyId} 仅由文件自身声明：请用 --key 指定公钥（yizhan-center audit keys）`,
      }),
    )
  }
  return verdict
}

async function keyIn(io: CliIo, path: string): Promise<KeyObject> {
  await readable(io, path)
  try {
    return createPublicKey(await readFile(path))
  } catch (cause) {
    throw new YizhanError(
      'invalid_argument',
      io.say({ en: `${path} holds no public key in PEM`, zh: `${path} 不是 PEM 公钥` }),
      { cause },
    )
  }
}

async function readable(io: CliIo, path: string): Promise<void> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new YizhanError(
      'invalid_argument',
      io.say({
        en: `${path} cannot be read (${systemCode(cause)})`,
        zh: `无法读取 ${path}（${systemCode(cause)}）`,
      }),
    )
  })
  if (found.isFile()) return
  throw new YizhanError('invalid_argument', io.say({ en: `${path} is no file`, zh: `${path} 不是文件` }))
}

function noAnchor(io: CliIo, tenant: string): YizhanError {
  return new YizhanError(
    'failed_precondition',
    io.say({ en: `the file has no anchor of ${tenant}`, zh: `文件中没有 ${tenant} 的锚点` }),
  )
}

const WHAT: Readonly<Record<Exclude<AuditVerdict, { s: 'whole' }>['what'], CliText>> = {
  damaged: { en: 'cannot be read', zh: '无法读取' },
  missing: { en: 'is missing', zh: '缺失' },
  edited: { en: 'was changed', zh: '被改动' },
  tail_cut: { en: 'and all behind it are gone', zh: '及其后的记录被截去' },
  rewritten: { en: 'is not the one that was anchored', zh: '与锚定的不符' },
  surplus: { en: 'was never counted', zh: '不在计数之内' },
  head_damaged: { en: 'does not matter: the head cannot be read', zh: '无从判断：链头无法读取' },
}

const FILE: Readonly<Record<FileBreach['what'], CliText>> = {
  malformed: { en: 'is no line of an export', zh: '不是导出文件的内容' },
  edited: { en: 'was changed, or what stood before it', zh: '或其前的内容被改动' },
  cut_off: { en: 'should be the signed end, which is missing', zh: '应为签名结尾，但缺失' },
  signature: { en: 'is not signed by the key that it names', zh: '的签名无效' },
  other_key: { en: 'is signed by another key', zh: '由其他密钥签名' },
}

function broken(io: CliIo, verdict: Exclude<ExportVerdict | AuditVerdict, { s: 'whole' }>): YizhanError {
  const message =
    verdict.s === 'bad-file'
      ? {
          en: `line ${verdict.line} of the file ${FILE[verdict.what].en}`,
          zh: `文件第 ${verdict.line} 行${FILE[verdict.what].zh}`,
        }
      : {
          en: `entry ${verdict.sequence} ${WHAT[verdict.what].en}`,
          zh: `第 ${verdict.sequence} 条记录${WHAT[verdict.what].zh}`,
        }
  return new YizhanError('data_corrupt', io.say(message), {
    hint: io.say({
      en: 'keep the data as it is, and look at docs/how-to/read-and-anchor-the-audit.md',
      zh: '请保留现有数据，并参阅 docs/how-to/read-and-anchor-the-audit.md',
    }),
  })
}
