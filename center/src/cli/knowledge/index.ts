import type { CliIo } from '@yizhan/kernel'
import type { Command } from 'commander'
import { ofTenant, tenantId } from '../arguments.js'
import { type Answer, type CenterCall, inPath } from '../center-call.js'
import { withExamples } from '../examples.js'
import { askCommand } from './ask.js'
import { importCommand } from './import.js'

interface SourcePage {
  readonly sources: readonly Answer[]
  readonly more: boolean
}

interface Found extends Answer {
  readonly score: number
  readonly covered: number
  readonly terms: readonly { readonly term: string; readonly field: 'heading' | 'text' }[]
}

const COLUMNS = ['name', 'version', 'knowledge', 'class', 'documents', 'sizeBytes', 'importedAt']

/** `knowledge import|list|delete|reindex|search|ask`. */
export function knowledgeCommands(program: Command, io: CliIo, call: CenterCall): void {
  const knowledge = program
    .command('knowledge')
    .description(io.say({ en: 'documents of a tenant', zh: '租户的文档' }))
  const named = (name: string, text: { en: string; zh: string }) =>
    knowledge
      .command(name)
      .description(io.say(text))
      .requiredOption('--tenant <tenant>', io.say({ en: 'whose documents', zh: '租户 id' }), tenantId(io))

  const list = named('list', { en: 'what was imported', zh: '列出已导入的内容' }).action(
    async (options: { tenant: string }, command: Command) => {
      let after: unknown
      do {
        const query = typeof after === 'string' ? `?after=${inPath(after)}` : ''
        const below = `/knowledge/sources${query}`
        const page: SourcePage = await ofTenant<SourcePage>({ io, call, command }, options.tenant, below)
        io.table(page.sources, COLUMNS)
        after = page.more ? page.sources.at(-1)?.name : undefined
      } while (after !== undefined)
    },
  )

  const remove = named('delete <name>', { en: 'take an imported source away', zh: '删除导入的来源' }).action(
    async (name: string, options: { tenant: string }, command: Command) => {
      const path = `/v1/tenants/${inPath(options.tenant)}/knowledge/sources?name=${inPath(name)}`
      io.record(await call(command, 'DELETE', path))
    },
  )

  const reindex = named('reindex', {
    en: 'make the index of what was imported anew',
    zh: '重建已导入内容的索引',
  }).action(async (options: { tenant: string }, command: Command) => {
    const path = `/v1/tenants/${inPath(options.tenant)}/knowledge/reindex`
    io.record(await call(command, 'POST', path, undefined, { timeoutMs: 5 * 60_000 }))
  })

  const search = named('search <question>', {
    en: 'passages that the documents give for a question, and why',
    zh: '按问题检索文档的段落，并说明原因',
  })
    .option(
      '--all',
      io.say({ en: 'also what holds too little to be an answer', zh: '也列出不足以作答的段落' }),
    )
    .action(async (question: string, options: { tenant: string; all?: boolean }, command: Command) => {
      const below = `/knowledge?q=${inPath(question)}${options.all ? '&all=true' : ''}`
      const found = await ofTenant<Found[]>({ io, call, command }, options.tenant, below)
      if (io.wantsJson) io.table(found)
      else io.table(found.map(shown), ['score', 'held', 'document', 'heading', 'terms', 'text'])
    })

  withExamples(
    importCommand(knowledge, io, call),
    io,
    'knowledge import handbook.pdf policies/ --tenant acme --set hr',
    'knowledge import --urls pages.txt --tenant acme',
  )
  withExamples(list, io, 'knowledge list --tenant acme')
  withExamples(remove, io, 'knowledge delete handbook.pdf --tenant acme')
  withExamples(reindex, io, 'knowledge reindex --tenant acme')
  withExamples(search, io, 'knowledge search "hotel in Beijing" --tenant acme')
  withExamples(askCommand(knowledge, io, call), io, 'knowledge ask --data questions.jsonl --tenant acme')
}

/** Beginnings of words stand behind `^`, terms of the title and headings before `#`. */
function shown({ score, covered, terms, ...passage }: Found): Answer {
  return {
    ...passage,
    score: score.toFixed(2),
    held: `${Math.round(covered * 100)} %`,
    terms: terms.map(({ term, field }) => (field === 'heading' ? `${term}#` : term)).join(' '),
  }
}
