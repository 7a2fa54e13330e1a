import { type CliIo, YizhanError } from '@yizhan/kernel'
import type { Command } from 'commander'
import { ofTenant, tenantId } from './arguments.js'
import type { CenterCall } from './center-call.js'
import { withExamples } from './examples.js'
import { MAX_FILES_ANSWER_BYTES, receivedFiles, type SentFiles } from './tenant/sent-files.js'

type Own = Readonly<Record<string, Readonly<Record<string, string>>>>

/** `messages list`: what an edge says by itself, and a tenant's own words for it. */
export function messageCommands(program: Command, io: CliIo, call: CenterCall): void {
  const list = program
    .command('messages')
    .description(io.say({ en: 'built-in sentences', zh: '内置语句' }))
    .command('list')
    .description(
      io.say({
        en: 'every built-in sentence by key, for `messages` in tenant.yaml',
        zh: '按键列出全部内置语句，可在 tenant.yaml 的 messages 中改写',
      }),
    )
    .option(
      '--tenant <tenant>',
      io.say({ en: 'and this tenant’s own words', zh: '并显示该租户自己的说法' }),
      tenantId(io),
    )
    .action(async (options: { tenant?: string }, command: Command) => {
      const { MESSAGES, placeholdersOf } = await import('@yizhan/intent')
      const own = options.tenant === undefined ? {} : await ownWords(io, call, command, options.tenant)
      const rows = Object.entries(MESSAGES).map(([key, { en, zh }]) => {
        const words = Object.hasOwn(own, key) ? own[key] : undefined
        return { key, placeholders: placeholdersOf(en), en, zh, ...(words ? { own: words } : {}) }
      })
      if (io.wantsJson) for (const row of rows) io.json(row)
      else {
        const shown = rows.map(({ key, placeholders, en, zh, own: words }) => ({
          key,
          placeholders: placeholders.map((name) => `{${name}}`).join(' '),
          sentence: words ? (words[io.lang] ?? Object.values(words)[0]) : io.say({ en, zh }),
          ...(options.tenant === undefined ? {} : { own: words ? Object.keys(words).join(' ') : '' }),
        }))
        const columns = ['key', 'placeholders', ...(options.tenant === undefined ? [] : ['own']), 'sentence']
        io.table(shown, columns)
      }
    })
  withExamples(list, io, 'messages list --lang zh', 'messages list --tenant acme')
}

async function ownWords(io: CliIo, call: CenterCall, command: Command, tenant: string): Promise<Own> {
  const { readTenant } = await import('../tenants/index.js')
  const asked = { io, call, command }
  const { files } = await ofTenant<{ files: SentFiles }>(asked, tenant, '/files', {
    maxAnswerBytes: MAX_FILES_ANSWER_BYTES,
  })
  const read = await readTenant(receivedFiles(files))
  if ('source' in read) return read.source.file.messages
  throw new YizhanError(
    'failed_precondition',
    io.say({ en: 'this version cannot read what is in force', zh: '本版本无法读取生效的内容' }),
    { hint: io.say({ en: `apply the directory of ${tenant} again`, zh: `请重新 apply ${tenant} 的目录` }) },
  )
}
