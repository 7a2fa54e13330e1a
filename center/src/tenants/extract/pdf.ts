import { extractText, getDocumentProxy, getMeta } from 'unpdf'
import { ExtractError, MAX_PAGES } from './port.js'

/** The text of the pages, each under a heading of its own. */
export async function pdfToText(bytes: Uint8Array): Promise<string> {
  const pdf = await getDocumentProxy(new Uint8Array(bytes), { isEvalSupported: false, verbosity: 0 }).catch(
    (thrown: unknown) => {
      const isLocked = thrown instanceof Error && thrown.name === 'PasswordException'
      throw new ExtractError(isLocked ? 'encrypted' : 'broken')
    },
  )
  if (pdf.numPages > MAX_PAGES) throw new ExtractError('too-many-pages')
  const { text: pages } = await extractText(pdf, { mergePages: false })
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
