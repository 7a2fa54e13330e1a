import type { CliIo } from '@yizhan/kernel'
import type { Command } from 'commander'
import type { Problem, TenantSource } from '../../tenants/index.js'
import { requireDirectory } from '../arguments.js'
import { withExamples } from '../examples.js'
import { showWarnings } from './warnings.js'

/** A directory that can be taken, and what its author may want to know. */
export interface CheckedDirectory {
  readonly source: TenantSource
  readonly warnings: readonly Problem[]
}

/** `tenant check -f DIR`: exit 2 with every problem, else what was read. */
export function addCheck(tenant: Command, io: CliIo): void {
  const check = requireDirectory(tenant.command('check'), io)
    .description(
      io.say({
        en: 'read a tenant directory and name every problem; needs no running center',
        zh: '读取租户目录并指出全部问题；无需运行中心',
      }),
    )
    .action(async (options: { file: string }) => {
      const { source, warnings } = await checkedDirectory(io, options.file)
      const counts = countsOf(source)
      if (!io.wantsJson) return io.record(counts)
      const { problemDetail } = await import('../../tenants/index.js')
      io.json({ ...counts, warnings: warnings.map((warning) => problemDetail(warning, io.lang)) })
    })
  withExamples(check, io, 'tenant check -f ./acme', 'tenant check -f ./acme --lang zh')
}

/**
 * Reads a directory and tells its warnings; throws `tenant_invalid` with every problem. With `--json` these also go to stdout,
 * one a line, and the warnings are left to the caller.
 */
export async function checkedDirectory(io: CliIo, dir: string): Promise<CheckedDirectory> {
  const { problemDetail, problemLine, readTenant, readTenantDirectory, tenantInvalid } = await import(
    '../../tenants/index.js'
  )
  io.progress(io.say({ en: `checking ${dir} …`, zh: `正在检查 ${dir} …` }))
  const read = await readTenant(await readTenantDirectory(dir, io.lang))
  io.progress(undefined)
  if (!io.wantsJson) {
    showWarnings(
      io,
      read.warnings.map((warning) => problemLine(warning, io.lang)),
    )
  }
  if (!('problems' in read)) return read
  if (io.wantsJson) for (const problem of read.problems) io.json(problemDetail(problem, io.lang))
  throw tenantInvalid(read.problems, io.lang)
}

function countsOf({ tenant, file, examples, documents, tests }: TenantSource) {
  return {
    tenant,
    intents: Object.keys(file.intents).length,
    examples: examples.length,
    documents: documents.length,
    tests: tests.length,
  }
}
