import type { CliIo, ProgramHost } from '@yizhan/kernel'
import type { Command } from 'commander'
import type { CenterCall } from '../center-call.js'
import { addApply } from './apply.js'
import { addCheck } from './check.js'
import { addDiff } from './diff.js'
import { addExport } from './export.js'
import { addInit } from './init.js'
import { addSchema } from './schema.js'
import { addList, addShow } from './show.js'
import { addTest } from './try.js'

/** `tenant …`: what authors do with a tenant directory, and what is in force of it. */
export function tenantCommands(program: Command, io: CliIo, host: ProgramHost, call: CenterCall): void {
  const tenant = program
    .command('tenant')
    .description(io.say({ en: 'tenants and their directories', zh: '租户及其目录' }))
  addInit(tenant, io)
  addCheck(tenant, io)
  addTest(tenant, io)
  addDiff(tenant, io, call)
  addApply(tenant, io, host, call)
  addList(tenant, io, call)
  addShow(tenant, io, call)
  addExport(tenant, io, call)
  addSchema(tenant, io)
}
