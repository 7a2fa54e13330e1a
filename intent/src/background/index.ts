import { type Random, seededRandom } from '../random.js'
import { CHINESE, CHINESE_TEMPLATES } from './chinese.js'
import { ENGLISH, ENGLISH_TEMPLATES } from './english.js'

export { BACKGROUND, CARRIERS } from './sentences.js'

const TRIES_PER_SENTENCE = 4

/**
 * Up to `count` different sentences of general knowledge that no tenant's bot is asked for, made of this project's own
 * words; always the same ones, the first of a longer list being those of a shorter one.
 */
export function generatedBackground(language: 'en' | 'zh', count: number): string[] {
  const random = seededRandom(language === 'en' ? 1 : 2)
  const [templates, words] = language === 'en' ? [ENGLISH_TEMPLATES, ENGLISH] : [CHINESE_TEMPLATES, CHINESE]
  const sentences = new Set<string>()
  for (let tries = 0; sentences.size < count && tries < count * TRIES_PER_SENTENCE; tries++) {
    sentences.add(
      pick(templates, random).replace(/\{(\w+)\}/g, (_, slot: string) => pick(words[slot] ?? [], random)),
    )
  }
  return [...sentences]
}

function pick(from: readonly string[], random: Random): string {
  return from[Math.floor(random() * from.length)] ?? ''
}
