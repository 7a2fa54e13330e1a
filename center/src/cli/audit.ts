import type { CliIo } from '@yizhan/kernel'
import type { Command } from 'commander'
import { type Answer, type CenterCall, inPath } from './center-call.js'

interface Page {
  readonly entries: readonly Answer[]
  readonly cursor?: string
}

/** `audit list`. */
export function auditCommands(program: Command, io: CliIo, call: CenterCall): void {
  program
    .command('audit')
    .description(io.say({ en: 'who changed what', zh: '审计记录' }))
    .command('list')
    .description(io.say({ en: 'who changed what in a tenant, oldest first', zh: '租户的变更记录，从旧到新' }))
    .requiredOption('--tenant <tenant>', io.say({ en: 'whose records', zh: '租户 id' }))
    .action(async (options: { tenant: string }, command: Command) => {
      let cursor: string | undefined
      do {
        const query = cursor === undefined ? '' : `?cursor=${inPath(cursor)}`
        const path = `/v1/tenants/${inPath(options.tenant)}/audit${query}`
        const page: Page = await call<Page>(command, 'GET', path)
        io.table(page.entries, ['time', 'actor', 'action', 'object'])
        cursor = page.cursor
      } while (cursor !== undefined)
    })
}
