import { createRequire } from 'node:module'

const HELVETICA = '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>'
/** A Chinese font that is not in the file, with one of Adobe's character maps. */
export const SONG =
  '<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H/DescendantFonts[<</Type/Font/Subtype/CIDFontType0' +
  '/BaseFont/STSong-Light/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 2>>/FontDescriptor<</Type/FontDescriptor' +
  '/FontName/STSong-Light/Flags 4/FontBBox[0 0 1000 1000]/ItalicAngle 0/Ascent 880/Descent -120/CapHeight 880/StemV 80>>>>]>>'

/** A PDF file with these lines on each page, in a font that every reader has; a page without lines is blank. */
export function pdfWith(
  pages: readonly (readonly string[])[],
  { trailer = '', font = HELVETICA }: { readonly trailer?: string; readonly font?: string } = {},
): Uint8Array {
  const objects: string[] = []
  const kids = pages.map((_, i) => `${4 + 2 * i} 0 R`).join(' ')
  objects.push('<</Type/Catalog/Pages 2 0 R>>')
  objects.push(`<</Type/Pages/Kids[${kids}]/Count ${pages.length}>>`)
  objects.push(font)
  for (const [i, lines] of pages.entries()) {
    const shown = lines.map((line) => `(${line.replace(/[()\\]/g, '\\$&')}) Tj 0 -20 Td`).join(' ')
    const stream = `BT /F1 12 Tf 72 720 Td ${shown} ET`
    const resources = '/Resources<</Font<</F1 3 0 R>>>>'
    objects.push(`<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]${resources}/Contents ${5 + 2 * i} 0 R>>`)
    objects.push(`<</Length ${stream.length}>>\nstream\n${stream}\nendstream`)
  }
  let file = '%PDF-1.4\n'
  const offsets = objects.map((object, i) => {
    const offset = file.length
    file += `${i + 1} 0 obj\n${object}\nendobj\n`
    return offset
  })
  const start = file.length
  const entries = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('')
  file += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${entries}`
  file += `trailer\n<</Size ${objects.length + 1}/Root 1 0 R${trailer}>>\nstartxref\n${start}\n%%EOF\n`
  return Buffer.from(file, 'latin1')
}

/** A Word document of this body (WordprocessingML). */
export function docxWith(body: string): Promise<Uint8Array> {
  const types = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml'
  const office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument'
  return zipWith({
    '[Content_Types].xml': `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="${types}"/></Types>`,
    '_rels/.rels': `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="${office}" Target="word/document.xml"/></Relationships>`,
    'word/document.xml': `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>${body}</w:body></w:document>`,
  })
}

interface Zip {
  file(name: string, content: string | Uint8Array): void
  generateAsync(options: {
    readonly type: 'nodebuffer'
    readonly compression: 'DEFLATE'
  }): Promise<Uint8Array>
}

/** A ZIP file, by the library that mammoth reads them with. */
export function zipWith(entries: Readonly<Record<string, string | Uint8Array>>): Promise<Uint8Array> {
  const fromMammoth = createRequire(createRequire(import.meta.url).resolve('mammoth'))
  const JSZip = fromMammoth('jszip') as new () => Zip
  const zip = new JSZip()
  for (const [name, content] of Object.entries(entries)) zip.file(name, content)
  return zip.generateAsync({ type: 'nodebuffer', compression: 'DEFLATE' })
}
