import { extractText, getDocumentProxy, getMeta } from 'unpdf'
import { ExtractError, MAX_PAGES } from './port.js'

/** The text of the pages, each under a heading of its own. */
export async function pdfToText(bytes: Uint8Array): Promise<string> {
  let lacksCharacters = false
  /** Character maps come with no file; without them the text in such a font would be left out silently. */
  class CharacterMaps {
    async fetch({ kind }: { readonly kind: string }): Promise<never> {
      if (kind === 'cMapUrl') lacksCharacters = true
      throw new Error('not there')
    }
  }
  const options = { isEvalSupported: false, verbosity: 0, useWorkerFetch: false }
  const pdf = await getDocumentProxy(new Uint8Array(bytes), {
    ...options,
    BinaryDataFactory: CharacterMaps,
  }).catch((thrown: unknown) => {
    const isLocked = thrown instanceof Error && thrown.name === 'PasswordException'
    throw new ExtractError(isLocked ? 'encrypted' : 'broken')
  })
  if (pdf.numPages > MAX_PAGES) throw new ExtractError('too-many-pages')
  const { text: pages } = await extractText(pdf, { mergePages: false })
  if (lacksCharacters) throw new ExtractError('no-font')
  const texts = pages.map(paragraphs)
  if (texts.every((text) => text === '')) throw new ExtractError('no-text')
  const { info } = await getMeta(pdf)
  const title = typeof info.Title === 'string' ? info.Title.trim() : ''
  const parts = texts.map((text, i) => (text === '' ? '' : `## p. ${i + 1}\n\n${text}`))
  const whole = title === '' ? parts : [`# ${title}`, ...parts]
  return `${whole.filter((part) => part !== '').join('\n\n')}\n`
}

/** Lines end where the page does, not where a sentence does: those that go on are joined. */
function paragraphs(page: string): string {
  const lines = page.split('\n').map((line) => line.trim())
  let text = ''
  for (const line of lines) {
    if (line === '') text = `${text.trimEnd()}\n\n`
    else if (text === '' || text.endsWith('\n') || /[.!?。！？：:;；]$/.test(text)) {
      text += text === '' || text.endsWith('\n') ? line : `\n${line}`
    } else {
      const isUnspaced = /\p{sc=Han}$|[，、]$/u.test(text) && /^\p{sc=Han}/u.test(line)
      text += isUnspaced ? line : ` ${line}`
    }
  }
  return text.trim()
}
