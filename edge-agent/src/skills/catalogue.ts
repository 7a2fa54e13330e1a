import { type LanguageMap, MESSAGES, type MessageKey, messageProblem, type TenantFile } from '@yizhan/intent'
import { inLanguage, type LiveTenant } from '../tenants/index.js'

type Placeholders<S extends string> = S extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholders<Rest>
  : never

/** The placeholders of a sentence, as a record; a sentence without any takes `{}`. */
export type MessageParams<K extends MessageKey> = Readonly<
  Record<Placeholders<(typeof MESSAGES)[K]['en']>, string | number>
>

/** A sentence in the asker's language: the tenant's own words if it has some, else the built-in ones. */
export function say<K extends MessageKey>(
  tenant: LiveTenant | undefined,
  language: string,
  key: K,
  params: MessageParams<K>,
): string {
  const languages = tenant?.file.languages ?? []
  const override = tenant?.file.messages[key]
  const map: LanguageMap = override ?? MESSAGES[key]
  // English for a language that only the tenant speaks, unless the tenant has the sentence.
  const template = inLanguage(map, language, override ? languages : ['en'])
  const values = new Map<string, string>(Object.entries(params).map(([name, value]) => [name, String(value)]))
  return template.replace(PLACEHOLDER, (whole, name: string) => values.get(name) ?? whole)
}

const PLACEHOLDER = /\{([a-z]+)\}/gu

/**
 * What is wrong with a tenant's own sentences: `messages/<key>/<language>: …`. A key that this build does not know is
 * no problem: the center may be newer.
 */
export function checkMessages(file: Pick<TenantFile, 'messages'>): string[] {
  return Object.entries(file.messages).flatMap(([key, map]) =>
    Object.entries(map).flatMap(([language, sentence]) => {
      const problem = messageProblem(key, sentence)
      if (problem?.unknown !== 'placeholder') return []
      return [`messages/${key}/${language}: there is no {${problem.name}} here`]
    }),
  )
}
