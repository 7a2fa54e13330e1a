import type { CliIo } from '@yizhan/kernel'
import { Argument, type Command } from 'commander'
import type { SchemaName } from '../../tenants/index.js'
import { nonEmpty } from '../arguments.js'
import { withExamples } from '../examples.js'
import { writeFiles } from './new-directory.js'

/** By the kind of file; held equal to the schemas by their type. */
const NAMES: Readonly<Record<SchemaName, true>> = {
  tenant: true,
  intents: true,
  knowledge: true,
  card: true,
  channels: true,
  task: true,
  tests: true,
}

/** `tenant schema [NAME] [-o DIR]`: JSON Schemas for editors. */
export function addSchema(tenant: Command, io: CliIo): void {
  const schema = tenant
    .command('schema')
    .description(
      io.say({
        en: 'JSON Schemas of the files, for editors: one, all, or into a directory as NAME.json',
        zh: '供编辑器使用的 JSON Schema：一个、全部，或写入目录（NAME.json）',
      }),
    )
    .addArgument(
      new Argument('[name]', io.say({ en: 'kind of file', zh: '文件种类' })).choices(Object.keys(NAMES)),
    )
    .option('-o, --output <dir>', io.say({ en: 'write them there', zh: '写入该目录' }), nonEmpty(io))
    .action(async (name: SchemaName | undefined, options: { output?: string }) => {
      const { tenantSchemas } = await import('../../tenants/index.js')
      const all = tenantSchemas()
      const { output } = options
      if (output === undefined) {
        const shown = name === undefined ? all : all[name]
        return io.out(JSON.stringify(shown, null, io.wantsJson ? 0 : 2))
      }
      const named = Object.entries(all).filter(([one]) => name === undefined || one === name)
      const files = new Map(named.map(([one, value]) => [`${one}.json`, schemaText(value)]))
      await writeFiles(output, files)
      if (io.wantsJson) return io.json({ directory: output, files: [...files.keys()] })
      for (const file of files.keys()) io.out(file)
    })
  withExamples(schema, io, 'tenant schema intents', 'tenant schema -o ./.schemas')
}

/** As the files in docs/reference/schemas/ are. */
export function schemaText(schema: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify(schema, null, 2)}\n`
}
