import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type CliIo, type CliText, storageError, writeFileAtomic, YizhanError } from '@yizhan/kernel'
import type { Command } from 'commander'
import type { ModelReport } from '../../models/index.js'
import { nonEmpty, tenantId } from '../arguments.js'
import { type Answer, type CenterCall, inPath } from '../center-call.js'
import { withExamples } from '../examples.js'

interface Tools {
  readonly io: CliIo
  readonly call: CenterCall
  readonly intents: Command
}

interface Shown extends Answer {
  readonly version: number
  readonly state: string
  readonly report?: ModelReport
}

/** Training and its tests take their time. */
const TIMEOUT_MS = 30 * 60_000

/** `intents list|diff|publish|rollback`: versions of a tenant's model. */
export function addVersions(intents: Command, io: CliIo, call: CenterCall): void {
  const tools = { io, call, intents }
  listCommand(tools)
  diffCommand(tools)
  publishCommand(tools)
  rollbackCommand(tools)
}

/** `intents train --tenant T`: a candidate from the directory in force and what people taught. */
export async function trainOfTenant(
  { io, call }: Pick<Tools, 'io' | 'call'>,
  command: Command,
  { tenant, out }: { readonly tenant: string; readonly out?: string },
): Promise<void> {
  io.progress(io.say({ en: 'training and testing …', zh: '正在训练和测试 …' }))
  const trained = await call<Shown>(command, 'POST', `${at(tenant)}/train`, {}, { timeoutMs: TIMEOUT_MS })
  io.progress(undefined)
  await show(io, trained, out)
}

/** `intents eval --tenant T`: a version against the tenant's tests and held-out questions. */
export async function evaluateOfTenant(
  { io, call }: Pick<Tools, 'io' | 'call'>,
  command: Command,
  { tenant, number }: { readonly tenant: string; readonly number?: string },
): Promise<void> {
  const query = number === undefined ? '' : `?version=${inPath(number)}`
  io.record(await call(command, 'GET', `${at(tenant)}/evaluation${query}`))
}

/** A command has two forms, and was given in neither. */
export function oneForm(io: CliIo, en: string, zh: string): YizhanError {
  return new YizhanError(
    'invalid_argument',
    io.say({ en: `either --tenant, or ${en}`, zh: `请给出 --tenant，或者 ${zh}` }),
  )
}

function verb({ io, intents }: Tools, name: string, text: CliText): Command {
  return intents
    .command(name)
    .description(io.say(text))
    .requiredOption('--tenant <tenant>', io.say({ en: 'whose model', zh: '租户 id' }), tenantId(io))
}

function listCommand(tools: Tools): void {
  const { io, call } = tools
  const list = verb(tools, 'list', {
    en: 'versions of the model, newest first',
    zh: '列出模型的各个版本，新的在前',
  }).action(async ({ tenant }: { tenant: string }, command: Command) => {
    const { versions } = await call<{ versions: readonly Shown[] }>(command, 'GET', at(tenant))
    if (io.wantsJson) return io.table(versions, [])
    const columns = ['version', 'state', 'madeAt', 'madeBy', 'publishedAt', 'taught', 'right', 'digest']
    io.table(versions.map(inColumns), columns)
  })
  withExamples(list, io, 'intents list --tenant acme')
}

function diffCommand(tools: Tools): void {
  const { io, call } = tools
  const diff = verb(tools, 'diff', {
    en: 'what the candidate changes, and what its training showed',
    zh: '候选版本的变化与训练结果',
  })
    .option(
      '-o, --out <dir>',
      io.say({ en: 'write report.json and report.html there', zh: '写出 report.json 和 report.html' }),
      nonEmpty(io),
    )
    .action(async ({ tenant, out }: { tenant: string; out?: string }, command: Command) => {
      const { versions } = await call<{ versions: readonly Shown[] }>(command, 'GET', at(tenant))
      const candidate = versions.find(({ state }) => state === 'candidate')
      if (candidate) return await show(io, candidate, out)
      throw new YizhanError('not_found', io.say({ en: 'there is no candidate', zh: '没有候选版本' }), {
        hint: `yizhan-center intents train --tenant ${tenant}`,
      })
    })
  withExamples(diff, io, 'intents diff --tenant acme', 'intents diff --tenant acme -o ./report')
}

function publishCommand(tools: Tools): void {
  const { io, call } = tools
  const publish = verb(tools, 'publish', {
    en: 'put the candidate in force, unless it is worse than what is',
    zh: '启用候选版本；若不如现行版本则拒绝',
  })
    .option('--force', io.say({ en: 'although it is worse', zh: '即使更差也启用' }))
    .action(async ({ tenant, force = false }: { tenant: string; force?: boolean }, command: Command) =>
      io.record(await call(command, 'POST', `${at(tenant)}/publish`, { force })),
    )
  withExamples(publish, io, 'intents publish --tenant acme')
}

function rollbackCommand(tools: Tools): void {
  const { io, call } = tools
  const rollback = verb(tools, 'rollback', {
    en: 'put the version before, or the one of this number, in force again',
    zh: '重新启用前一版本或指定版本',
  })
    .option('--to <version>', io.say({ en: 'of intents list', zh: 'intents list 中的版本号' }), whole(io))
    .action(async ({ tenant, to }: { tenant: string; to?: number }, command: Command) =>
      io.record(
        await call(command, 'POST', `${at(tenant)}/rollback`, to === undefined ? {} : { version: to }),
      ),
    )
  withExamples(rollback, io, 'intents rollback --tenant acme', 'intents rollback --tenant acme --to 3')
}

async function show(io: CliIo, version: Shown, out: string | undefined): Promise<void> {
  const { report } = version
  if (out !== undefined && report) await save(out, report)
  if (io.wantsJson) return io.json(version)
  io.record(inColumns(version))
  if (!report) return
  const { objections } = await import('../../models/index.js')
  const { changes, heldOut, confusions, tests } = report
  const differences = [
    ...changes.added.map((of) => ({ of, before: '', now: 'new' })),
    ...changes.removed.map((of) => ({ of, before: 'intent', now: 'gone' })),
    ...changes.decisions.map(({ text, from, to }) => ({ of: text, before: from, now: to })),
    ...heldOut.lost.map((of) => ({ of, before: 'right', now: 'wrong' })),
    ...heldOut.won.map((of) => ({ of, before: 'wrong', now: 'right' })),
  ]
  if (differences.length > 0) io.table(differences, ['of', 'before', 'now'])
  if (confusions.length > 0) io.table(confusions.slice(0, 10), ['intent', 'takenFor', 'n', 'such'])
  for (const line of [...tests.failed, ...objections(report)]) io.err(line)
}

async function save(dir: string, report: ModelReport): Promise<void> {
  const { reportPage } = await import('../../models/index.js')
  await mkdir(dir, { recursive: true }).catch((thrown: unknown) => {
    throw storageError(thrown, 'make', dir)
  })
  await writeFileAtomic(join(dir, 'report.json'), `${JSON.stringify(report, undefined, 2)}\n`)
  await writeFileAtomic(join(dir, 'report.html'), reportPage(report))
}

function inColumns({ report, lessons, ...version }: Shown): Answer {
  const taught = (lessons as { taught?: number } | undefined)?.taught
  const right = report?.unseen.right
  return { ...version, taught, right: right === undefined ? undefined : Number(right.toFixed(3)) }
}

function whole(io: CliIo): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (Number.isSafeInteger(value) && value > 0) return value
    throw new YizhanError(
      'invalid_argument',
      io.say({ en: `${text} is no version`, zh: `${text} 不是版本号` }),
    )
  }
}

function at(tenant: string): string {
  return `/v1/tenants/${inPath(tenant)}/models`
}
