import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { type CliIo, systemCode, YizhanError } from '@yizhan/kernel'
import type { Command } from 'commander'
import { nonEmpty, ofTenant, tenantId } from './arguments.js'
import { type Answer, type CenterCall, type CenterStream, inPath } from './center-call.js'
import { withExamples } from './examples.js'
import { saveNewFile } from './new-file.js'

interface Page {
  readonly files: readonly Answer[]
  readonly cursor?: string
}

const COLUMNS = ['id', 'name', 'mediaType', 'sizeBytes', 'storedAt']

/** `attachments list|put|get|check|remove`. */
export function attachmentCommands(
  program: Command,
  io: CliIo,
  call: CenterCall,
  stream: CenterStream,
): void {
  const attachments = program
    .command('attachments')
    .description(io.say({ en: 'files of a tenant, sealed in pieces', zh: '租户的文件（分片加密）' }))
  const named = (name: string, text: { en: string; zh: string }) =>
    attachments
      .command(name)
      .description(io.say(text))
      .requiredOption('--tenant <tenant>', io.say({ en: 'whose files', zh: '租户 id' }), tenantId(io))

  const list = named('list', { en: 'every file', zh: '列出全部文件' }).action(
    async (options: { tenant: string }, command: Command) => {
      let cursor: string | undefined
      do {
        const query = cursor === undefined ? '' : `?cursor=${inPath(cursor)}`
        const page: Page = await ofTenant<Page>({ io, call, command }, options.tenant, `/attachments${query}`)
        io.table(page.files, COLUMNS)
        cursor = page.cursor
      } while (cursor !== undefined)
    },
  )

  const put = named('put <path>', { en: 'store a file', zh: '存入文件' })
    .option('--name <name>', io.say({ en: 'default: the name of the file', zh: '默认为文件名' }))
    .option('--type <type>', io.say({ en: 'media type', zh: '媒体类型' }), 'application/octet-stream')
    .action(
      async (path: string, options: { tenant: string; name?: string; type: string }, command: Command) => {
        await readable(path)
        const query = `name=${inPath(options.name ?? basename(path))}&type=${inPath(options.type)}`
        const { body } = await stream(
          command,
          'POST',
          `/v1/tenants/${inPath(options.tenant)}/attachments?${query}`,
          {
            body: createReadStream(path),
          },
        )
        io.record(JSON.parse(await text(body)))
      },
    )

  const get = named('get <file>', { en: 'read a file', zh: '读取文件' })
    .requiredOption(
      '--to <path>',
      io.say({ en: 'where to; must not exist', zh: '目标路径，不得已存在' }),
      nonEmpty(io),
    )
    .action(async (file: string, options: { tenant: string; to: string }, command: Command) => {
      const path = `/v1/tenants/${inPath(options.tenant)}/attachments/${inPath(file)}`
      const { body } = await stream(command, 'GET', path, {})
      io.record({ file, path: options.to, bytes: await saveNewFile(options.to, body) })
    })

  const check = named('check <file>', {
    en: 'hold every piece against the digest tree',
    zh: '按摘要树核对每个分片',
  }).action(async (file: string, options: { tenant: string }, command: Command) => {
    const path = `/v1/tenants/${inPath(options.tenant)}/attachments/${inPath(file)}/check`
    const found = await call<{ badPieces: readonly number[] }>(command, 'POST', path)
    io.record(found)
    if (found.badPieces.length > 0) io.setExitCode(1)
  })

  const remove = named('remove <file>', { en: 'delete a file', zh: '删除文件' }).action(
    async (file: string, options: { tenant: string }, command: Command) =>
      io.record(
        await call(command, 'DELETE', `/v1/tenants/${inPath(options.tenant)}/attachments/${inPath(file)}`),
      ),
  )

  withExamples(list, io, 'attachments list --tenant acme')
  withExamples(put, io, 'attachments put invoice.pdf --tenant acme --type application/pdf')
  withExamples(get, io, 'attachments get file_0… --tenant acme --to invoice.pdf')
  withExamples(check, io, 'attachments check file_0… --tenant acme')
  withExamples(remove, io, 'attachments remove file_0… --tenant acme')
}

async function readable(path: string): Promise<void> {
  const found = await stat(path).catch((thrown: unknown) => {
    throw new YizhanError('invalid_argument', `${path} cannot be read (${systemCode(thrown) ?? 'unknown'})`)
  })
  if (!found.isFile()) throw new YizhanError('invalid_argument', `${path} is no file`)
}

async function text(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
