import type { CliIo } from '@yizhan/kernel'
import type { Command } from 'commander'
import { type Answer, type CenterCall, inPath } from './center-call.js'

/** `knowledge search`. */
export function knowledgeCommands(program: Command, io: CliIo, call: CenterCall): void {
  program
    .command('knowledge')
    .description(io.say({ en: 'documents of a tenant', zh: '租户的文档' }))
    .command('search <question>')
    .description(
      io.say({
        en: 'passages that a tenant’s documents give for a question',
        zh: '按问题检索租户文档的段落',
      }),
    )
    .requiredOption('--tenant <tenant>', io.say({ en: 'whose documents', zh: '租户 id' }))
    .action(async (question: string, options: { tenant: string }, command: Command) => {
      const path = `/v1/tenants/${inPath(options.tenant)}/knowledge?q=${inPath(question)}`
      io.table(await call<Answer[]>(command, 'GET', path), ['score', 'document', 'heading', 'text'])
    })
}
