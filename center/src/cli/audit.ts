import type { CliIo } from '@yizhan/kernel'
import type { Command } from 'commander'
import { ofTenant, tenantId } from './arguments.js'
import { type Answer, type CenterCall, inPath } from './center-call.js'
import { withExamples } from './examples.js'

interface Page {
  readonly entries: readonly Answer[]
  readonly cursor?: string
}

/** `audit list`. */
export function auditCommands(program: Command, io: CliIo, call: CenterCall): void {
  const list = program
    .command('audit')
    .description(io.say({ en: 'who changed what', zh: '审计记录' }))
    .command('list')
    .description(io.say({ en: 'who changed what in a tenant, oldest first', zh: '租户的变更记录，从旧到新' }))
    .requiredOption('--tenant <tenant>', io.say({ en: 'whose records', zh: '租户 id' }), tenantId(io))
    .action(async (options: { tenant: string }, command: Command) => {
      let cursor: string | undefined
      do {
        const query = cursor === undefined ? '' : `?cursor=${inPath(cursor)}`
        const page: Page = await ofTenant<Page>({ io, call, command }, options.tenant, `/audit${query}`)
        io.table(page.entries, ['time', 'actor', 'action', 'object'])
        cursor = page.cursor
      } while (cursor !== undefined)
    })
  withExamples(list, io, 'audit list --tenant acme', 'audit list --tenant acme --json')
}
