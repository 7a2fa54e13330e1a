import mammoth from 'mammoth'
import { htmlToText } from './html.js'
import { ExtractError } from './port.js'
import { openZip } from './zip.js'

/** The text of a Word document, with its headings. */
export async function docxToText(bytes: Uint8Array): Promise<string> {
  openZip(bytes)
  const noImage = mammoth.images.imgElement(async () => ({ src: '' }))
  const options = { convertImage: noImage, externalFileAccess: false }
  const { value } = await mammoth.convertToHtml({ buffer: Buffer.from(bytes) }, options).catch(() => {
    throw new ExtractError('broken')
  })
  if (value.trim() === '') throw new ExtractError('no-text')
  return htmlToText(value)
}
