import { OOS } from '@yizhan/intent'
import type { ReadCards } from './cards.js'
import type { ReadIntents } from './intents.js'
import type { Problem, Told, Wording } from './problem.js'
import { TestYaml } from './schema/index.js'
import type { Texts } from './tenant-files.js'
import type { Way } from './test-run.js'
import { isMap, parseYaml, schemaCheck, type YamlDocument } from './yaml/index.js'

/** A sentence that must get an expected answer before anything goes live. */
export interface TenantTest {
  readonly say: string
  readonly expect: {
    readonly intent?: string | undefined
    /** `not-edge`: asked back or sent to the center. */
    readonly by?: Way | 'not-edge' | undefined
    readonly has?: string | undefined
    readonly card?: string | undefined
  }
  /** A problem at the test. */
  at(message: Wording): Problem
}

const isTest = schemaCheck(TestYaml)

/** Reads `tests/*.yaml`. */
export function readTests(texts: Texts, intents: ReadIntents, cards: ReadCards, told: Told): TenantTest[] {
  const { problems } = told
  const tests: TenantTest[] = []
  for (const [file, text] of texts) {
    if (!file.startsWith('tests/') || text === undefined) continue
    const document = parseYaml(file, text, problems)
    if (!document) continue
    if (!Array.isArray(document.value)) {
      problems.push(document.misread([], NOT_TESTS))
      continue
    }
    for (const [i, value] of document.value.entries()) {
      const test = readTest(document, i, value, intents, cards, problems)
      if (test) tests.push(test)
    }
  }
  return tests
}

function readTest(
  document: YamlDocument,
  i: number,
  value: unknown,
  intents: ReadIntents,
  cards: ReadCards,
  problems: Problem[],
): TenantTest | undefined {
  // Also of a test that is otherwise wrong, so that this is not hidden.
  const expect = isMap(value) && isMap(value.expect) ? value.expect : {}
  const { intent, card } = expect
  const noIntent = typeof intent === 'string' && intent !== OOS ? intents.missing(intent) : undefined
  if (noIntent) problems.push(document.misread([i, 'expect', 'intent'], noIntent))
  const noCard = typeof card === 'string' ? cards.missing(card) : undefined
  if (noCard) problems.push(document.misread([i, 'expect', 'card'], noCard))
  if (!isTest(document, [i], value, problems)) return undefined
  // Its line says which it is; its number in the list would say nothing.
  return { ...value, at: (message) => ({ ...document.at([i], message), path: '' }) }
}

const NOT_TESTS: Wording = {
  en: 'must be a list of tests, such as “- {say: hello, expect: {by: edge}}”',
  zh: '应为测试列表，例如“- {say: 你好, expect: {by: edge}}”',
}
