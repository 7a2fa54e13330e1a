import type { CliIo } from '@yizhan/kernel'
import type { Command } from 'commander'
import { ofTenant, tenantId } from './arguments.js'
import { type Answer, type CenterCall, inPath } from './center-call.js'
import { withExamples } from './examples.js'

/** `knowledge search`. */
export function knowledgeCommands(program: Command, io: CliIo, call: CenterCall): void {
  const search = program
    .command('knowledge')
    .description(io.say({ en: 'documents of a tenant', zh: '租户的文档' }))
    .command('search <question>')
    .description(
      io.say({
        en: 'passages that a tenant’s documents give for a question',
        zh: '按问题检索租户文档的段落',
      }),
    )
    .requiredOption('--tenant <tenant>', io.say({ en: 'whose documents', zh: '租户 id' }), tenantId(io))
    .action(async (question: string, options: { tenant: string }, command: Command) => {
      const below = `/knowledge?q=${inPath(question)}`
      const found = await ofTenant<Answer[]>({ io, call, command }, options.tenant, below)
      io.table(found, ['score', 'document', 'heading', 'text'])
    })
  withExamples(search, io, 'knowledge search "hotel in Beijing" --tenant acme')
}
