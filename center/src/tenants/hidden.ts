import type { Wording } from './problem.js'

/** Zero-width, directional and other format characters, and letters that are built of parts. */
const HIDDEN = /[\p{Cf}\p{Cc}\u00a0\u3000\ufeff]/u

/** Tells of a character in a name that a person cannot see, undefined if there is none. */
export function hiddenCharacter(name: string): Wording | undefined {
  const found = HIDDEN.exec(name)?.[0]
  if (found !== undefined) {
    const code = `U+${(found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
    return {
      en: `holds ${code}, which cannot be seen; type the name anew`,
      zh: `含有看不见的字符 ${code}，请重新输入该名称`,
    }
  }
  if (name === name.normalize('NFC')) return undefined
  return {
    en: 'is written with combining characters (not NFC); type the name anew',
    zh: '使用了组合字符（非 NFC 形式），请重新输入该名称',
  }
}
