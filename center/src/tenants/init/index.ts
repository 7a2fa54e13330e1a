import type { CliText } from '@yizhan/kernel'
import { tenantSchemas } from '../schema/index.js'
import { NEW_INTENTS, NEW_TESTS, type NewIntent } from './intents.js'
import { EXPENSES, readme } from './pages.js'

/** Languages that a new directory can be written in; more are added by hand. */
export const INIT_LANGUAGES = ['zh', 'en'] as const
export type InitLanguage = (typeof INIT_LANGUAGES)[number]

export interface NewDirectory {
  readonly tenant: string
  /** At least one; the first is the default. */
  readonly languages: readonly InitLanguage[]
}

/** A small directory that passes its own tests: content by path. */
export function newDirectory({ tenant, languages }: NewDirectory): Map<string, string> {
  const writer = new Writer(languages)
  const files = new Map<string, string>([
    ['tenant.yaml', mainFile(writer, tenant)],
    ['intents/hello.yaml', intentsFile(writer, 'hello.')],
    ['intents/rules.yaml', intentsFile(writer, 'rules.')],
    ['cards/contact.yaml', cardFile(writer)],
    ['knowledge.yaml', knowledgeFile(writer)],
    ['tests/smoke.yaml', testsFile(writer)],
    ['README.md', languages.map((tag) => readme(tenant)[tag]).join('\n')],
  ])
  for (const tag of languages) files.set(`knowledge/expenses.${tag}.md`, EXPENSES[tag])
  for (const [name, schema] of Object.entries(tenantSchemas())) {
    files.set(`.schemas/${name}.json`, `${JSON.stringify(schema, null, 2)}\n`)
  }
  return files
}

/** Writes YAML in the tenant's languages. */
class Writer {
  readonly languages: readonly InitLanguage[]

  constructor(languages: readonly InitLanguage[]) {
    this.languages = languages
  }

  /** A first line that editors take the schema from; hidden, so that it is no file of the tenant. */
  schema(name: string, up = ''): string {
    return `# yaml-language-server: $schema=${up}.schemas/${name}.json`
  }

  comment(text: CliText): string[] {
    return this.languages.map((tag) => `# ${text[tag]}`)
  }

  /** A flow map such as `{zh: "…", en: "…"}`. */
  map(text: CliText): string {
    return `{${this.languages.map((tag) => `${tag}: ${JSON.stringify(text[tag])}`).join(', ')}}`
  }
}

function mainFile(writer: Writer, tenant: string): string {
  const welcome: CliText = { en: 'Hello! What can I do for you?', zh: '您好！有什么可以帮您？' }
  return lines(
    writer.schema('tenant'),
    'apiVersion: yizhan/v1',
    `tenant: ${JSON.stringify(tenant).replace(/^"([a-z][a-z-]*[a-z])"$/, '$1')}`,
    `name: ${writer.map({ en: 'My organisation', zh: '我的机构' })}`,
    ...writer.comment({
      en: 'The first is the default; a reply follows the asker.',
      zh: '第一个为默认语言；回复跟随提问者的语言。',
    }),
    `languages: [${writer.languages.join(', ')}]`,
    'welcome:',
    `  text: ${writer.map(welcome)}`,
    '  suggest: [hello.hours, hello.contact, rules.expenses]',
  )
}

function intentsFile(writer: Writer, prefix: string): string {
  const intents = NEW_INTENTS.filter(({ id }) => id.startsWith(prefix))
  return lines(writer.schema('intents', '../'), ...intents.flatMap((intent) => intentLines(writer, intent)))
}

function intentLines(writer: Writer, { id, comment, asks, reply }: NewIntent): string[] {
  const asked = writer.languages.flatMap((tag) => asks[tag])
  return [
    ...(comment ? writer.comment(comment) : []),
    `${id}:`,
    '  ask: |',
    ...asked.map((ask) => `    ${ask}`),
    ...replyLines(writer, reply),
  ]
}

function replyLines(writer: Writer, reply: NewIntent['reply']): string[] {
  switch (reply.kind) {
    case 'text':
      return ['  reply:', ...writer.languages.map((tag) => `    ${tag}: ${JSON.stringify(reply.text[tag])}`)]
    case 'card':
      return [`  reply: {card: ${reply.card}}`]
    case 'forward':
      return [
        `  reply: {forward: {knowledge: [${reply.knowledge}]}}`,
        `  offline: ${writer.map(reply.offline)}`,
      ]
    default:
      return reply satisfies never
  }
}

function cardFile(writer: Writer): string {
  return lines(
    writer.schema('card', '../'),
    `title: ${writer.map({ en: 'How to reach us', zh: '联系我们' })}`,
    'facts:',
    `  - {name: ${writer.map({ en: 'Telephone', zh: '电话' })}, value: ${writer.map({ en: '555 0100', zh: '555 0100' })}}`,
    `  - {name: ${writer.map({ en: 'E-mail', zh: '邮箱' })}, value: ${writer.map({ en: 'desk@example.com', zh: 'desk@example.com' })}}`,
    'buttons:',
    `  - {label: ${writer.map({ en: 'Write to us', zh: '写邮件' })}, url: "mailto:desk@example.com", style: primary}`,
    `  - {label: ${writer.map({ en: 'Opening hours', zh: '营业时间' })}, intent: hello.hours}`,
  )
}

function knowledgeFile(writer: Writer): string {
  return lines(
    writer.schema('knowledge'),
    ...writer.comment({
      en: 'Documents by the name that intents use; .md, .txt, .html, .pdf and .docx.',
      zh: '按名称归类的文档，意图以此名称引用；支持 .md、.txt、.html、.pdf、.docx。',
    }),
    'rules: {files: [knowledge/expenses.*.md]}',
  )
}

function testsFile(writer: Writer): string {
  return lines(
    writer.schema('tests', '../'),
    ...writer.comment({
      en: 'Run by every apply before anything goes live. Other words than those of the intents, and some that are nobody’s business.',
      zh: '每次 apply 生效前运行。用意图中没有的说法，再加几句不相干的话。',
    }),
    ...writer.languages.flatMap((tag) => NEW_TESTS[tag]).map((test) => `- ${test}`),
  )
}

function lines(...all: readonly string[]): string {
  return `${all.join('\n')}\n`
}
