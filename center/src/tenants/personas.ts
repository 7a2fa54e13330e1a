import type { LanguageMap } from '@yizhan/intent'
import type { Problem, Told, Wording } from './problem.js'
import { type Languages, lacks } from './sentence.js'
import type { Texts } from './tenant-files.js'

/** Characters of a persona: it goes before every question to a model. */
const MAX_PERSONA = 4_000

/**
 * Reads how the tenant's model speaks: `personas/NAME.md` for every language, `personas/NAME.LANGUAGE.md` for one.
 * `at` makes a problem at the place that names it.
 */
export function readPersona(
  texts: Texts,
  name: unknown,
  languages: Languages,
  at: (message: Wording) => Problem,
  told: Told,
): LanguageMap | undefined {
  const persona: Record<string, string> = {}
  const used = new Set<string>()
  const files = [...texts.keys()].filter((file) => file.startsWith('personas/'))
  const take = (file: string, tags: readonly string[]) => {
    if (!texts.has(file)) return
    used.add(file)
    const text = texts.get(file)?.trim()
    if (text === '') told.problems.push({ file, path: '', message: EMPTY })
    if (text !== undefined && text.length > MAX_PERSONA) {
      told.problems.push({ file, path: '', message: TOO_LONG })
    }
    if (text) for (const tag of tags) persona[tag] = text
  }
  if (typeof name === 'string' && languages) {
    take(`personas/${name}.md`, languages)
    for (const tag of languages) take(`personas/${name}.${tag}.md`, [tag])
    const lacking = languages.filter((tag) => !(tag in persona))
    if (used.size === 0) told.problems.push(at(noFile(name)))
    else if (lacking.length > 0 && lacking.length < languages.length) {
      told.warnings.push(at(lacks(lacking, languages.find((tag) => tag in persona) ?? '')))
    }
  }
  for (const file of files) {
    if (languages && !used.has(file)) told.warnings.push({ file, path: '', message: UNUSED })
  }
  return Object.keys(persona).length > 0 ? persona : undefined
}

function noFile(name: string): Wording {
  return { en: `there is no personas/${name}.md`, zh: `没有 personas/${name}.md` }
}

const EMPTY: Wording = { en: 'is empty', zh: '不能为空' }
const TOO_LONG: Wording = {
  en: `is longer than ${MAX_PERSONA} characters`,
  zh: `超过 ${MAX_PERSONA} 个字符`,
}
const UNUSED: Wording = {
  en: 'tenant.yaml does not name this persona; it is not used',
  zh: 'tenant.yaml 没有指定这个 persona，不会使用',
}
