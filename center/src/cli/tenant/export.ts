import { writeFile } from 'node:fs/promises'
import { type CliIo, storageError, systemCode, YizhanError } from '@yizhan/kernel'
import type { Command } from 'commander'
import { nonEmpty, ofTenant, tenantId } from '../arguments.js'
import type { CenterCall } from '../center-call.js'
import { withExamples } from '../examples.js'
import { refuseUsed, writeFiles } from './new-directory.js'
import { MAX_FILES_ANSWER_BYTES, receivedFiles, type SentFiles } from './sent-files.js'

interface Flags {
  readonly tenant: string
  readonly output?: string
  readonly questions?: string
  readonly force?: boolean
}

interface FilesAnswer {
  readonly tenant: string
  readonly version: number
  readonly files: SentFiles
}

/** `tenant export`: the directory in force, or its questions as a table. */
export function addExport(tenant: Command, io: CliIo, call: CenterCall): void {
  const command = tenant
    .command('export')
    .description(
      io.say({
        en: 'write the directory that is in force, or its questions as a table',
        zh: '导出生效的目录，或导出问句表格',
      }),
    )
    .requiredOption('--tenant <tenant>', io.say({ en: 'which tenant', zh: '租户 id' }), tenantId(io))
    .option(
      '-o, --output <dir>',
      io.say({ en: 'a new or empty directory', zh: '新目录或空目录' }),
      nonEmpty(io),
    )
    .option(
      '--questions <file>',
      io.say({
        en: 'only questions and text replies, as .csv or .xlsx',
        zh: '仅导出问句和文本回复，.csv 或 .xlsx',
      }),
    )
    .option('--force', io.say({ en: 'write over what is there', zh: '覆盖已有文件' }))
    .action(async (flags: Flags, given: Command) => {
      const { output, questions } = flags
      if ((output === undefined) === (questions === undefined)) {
        throw new YizhanError(
          'invalid_argument',
          io.say({
            en: 'say where to: either -o DIR or --questions FILE',
            zh: '请指明写到哪里：-o 目录 或 --questions 文件，二者选一',
          }),
        )
      }
      const fetched = () =>
        ofTenant<FilesAnswer>({ io, call, command: given }, flags.tenant, '/files', {
          maxAnswerBytes: MAX_FILES_ANSWER_BYTES,
        })
      if (output !== undefined) await exportDirectory(io, fetched, output, flags.force === true)
      else await exportQuestions(io, fetched, questions ?? '', flags.force === true)
    })
  withExamples(
    command,
    io,
    'tenant export --tenant acme -o ./acme',
    'tenant export --tenant acme --questions faq.xlsx',
  )
}

async function exportDirectory(
  io: CliIo,
  fetched: () => Promise<FilesAnswer>,
  dir: string,
  force: boolean,
): Promise<void> {
  await refuseUsed(io, dir, force, forceHint(io))
  const { tenant, version, files } = await fetched()
  const received = receivedFiles(files)
  await writeFiles(dir, received)
  const count = received.size
  if (io.wantsJson) return io.json({ tenant, version, directory: dir, files: count })
  io.out(
    io.say({
      en: `${tenant} version ${version}: ${count} files in ${dir}`,
      zh: `${tenant} 第 ${version} 版：${count} 个文件已写入 ${dir}`,
    }),
  )
}

async function exportQuestions(
  io: CliIo,
  fetched: () => Promise<FilesAnswer>,
  file: string,
  force: boolean,
): Promise<void> {
  if (!/\.(csv|xlsx)$/.test(file)) {
    throw new YizhanError(
      'invalid_argument',
      io.say({ en: `${file} is neither .csv nor .xlsx`, zh: `${file} 既不是 .csv 也不是 .xlsx` }),
    )
  }
  const { questionsCsv, questionsTable, questionsXlsx, readTenant, tenantInvalid } = await import(
    '../../tenants/index.js'
  )
  const { tenant, version, files } = await fetched()
  const read = await readTenant(receivedFiles(files))
  if ('problems' in read) throw tenantInvalid(read.problems, io.lang)
  const table = questionsTable(read.source)
  await writeNew(io, file, file.endsWith('.csv') ? questionsCsv(table) : await questionsXlsx(table), force)
  const questions = table.rows.length - 1
  if (io.wantsJson) return io.json({ tenant, version, file, questions, left: table.left })
  io.out(
    io.say({
      en: `${tenant} version ${version}: ${questions} questions in ${file}`,
      zh: `${tenant} 第 ${version} 版：${questions} 个问句已写入 ${file}`,
    }),
  )
  if (table.left.length > 0) {
    const ids = table.left.join(', ')
    io.err(
      io.say({ en: `not in the table, no text replies: ${ids}`, zh: `未写入表格（不是文本回复）：${ids}` }),
    )
  }
}

async function writeNew(io: CliIo, file: string, bytes: Uint8Array, force: boolean): Promise<void> {
  try {
    await writeFile(file, bytes, { flag: force ? 'w' : 'wx' })
  } catch (thrown) {
    if (systemCode(thrown) !== 'EEXIST') throw storageError(thrown, 'write', file)
    throw new YizhanError(
      'already_exists',
      io.say({ en: `${file} is there already`, zh: `${file} 已存在` }),
      {
        hint: forceHint(io),
      },
    )
  }
}

function forceHint(io: CliIo): string {
  return io.say({ en: '--force writes over it', zh: '--force 可覆盖' })
}
