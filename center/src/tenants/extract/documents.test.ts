import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readTenant } from '../source.js'
import { INTENT, linesOf, problemsOf, sourceOf, TENANT } from '../testing/directory.js'
import { docxWith, pdfWith, SONG, zipWith } from '../testing/office-files.js'
import { Extractor } from './extractor.js'
import { ExtractMemory } from './index.js'

const index = { 'knowledge.yaml': 'all: {files: [knowledge/*]}\n' }

async function textOf(file: string, content: string | Uint8Array): Promise<string> {
  const { documents } = await sourceOf({ ...index, [file]: content })
  return documents[0]?.text ?? ''
}

async function refusal(file: string, content: string | Uint8Array): Promise<string[]> {
  return linesOf(await problemsOf({ ...index, [file]: content }))
}

test('a page gives what its reader sees: headings, lists and tables, without scripts and hidden text', async () => {
  const page = `<!doctype html><html><head><title>差旅 &amp; 报销</title><style>p{color:red}</style></head><body>
    <script>alert('secret')</script><h2>住宿</h2><p>每晚 <b>450</b> 元，见<a href="javascript:x">附件</a>。</p>
    <p hidden>secret</p><div style="display: none">secret</div><span aria-hidden="true">secret</span><!-- secret -->
    <ul><li>一</li><li>二</li></ul><table><tr><th>城市</th><th>元</th></tr><tr><td>北京</td><td>600</td></tr></table>
    <img src="x" alt="secret" onerror="secret"><noscript>secret</noscript></body></html>`
  const { documents } = await sourceOf({ ...index, 'knowledge/t.html': page })
  assert.equal(documents[0]?.title, '差旅 & 报销')
  assert.equal(
    documents[0]?.text,
    '# 差旅 & 报销\n\n## 住宿\n\n每晚 **450** 元，见附件。\n\n-   一\n-   二\n\n| 城市 | 元 |\n| 北京 | 600 |\n',
  )
})

test('a PDF gives its pages under headings; lines of one sentence are joined', async () => {
  const pdf = pdfWith([['Hotels cost at most', '450 yuan a night.', 'Ask first.'], [], ['Taxis: never.']])
  assert.equal(
    await textOf('knowledge/t.pdf', pdf),
    '## p. 1\n\nHotels cost at most 450 yuan a night.\nAsk first.\n\n## p. 3\n\nTaxis: never.\n',
  )
})

test('a Word document gives its headings, text and tables', async () => {
  const run = (text: string, style = '') =>
    `<w:p>${style && `<w:pPr><w:pStyle w:val="${style}"/></w:pPr>`}<w:r><w:t>${text}</w:t></w:r></w:p>`
  const cell = (text: string) => `<w:tc>${run(text)}</w:tc>`
  const docx = await docxWith(
    `${run('请假制度', 'Heading1')}${run('年假 10 天。')}<w:tbl><w:tr>${cell('类别')}${cell('天')}</w:tr></w:tbl>`,
  )
  assert.equal(await textOf('knowledge/t.docx', docx), '# 请假制度\n\n年假 10 天。\n\n| 类别 | 天 |\n')
})

test('what holds no text, is locked, damaged or something else is told and hides nothing else', async () => {
  const told = await refusal('knowledge/scan.pdf', pdfWith([[]]))
  assert.deepEqual(told, ['knowledge/scan.pdf holds no text; is it a scan? Run it through OCR first'])
  const locked =
    '/ID[<00000000000000000000000000000000><00000000000000000000000000000000>]/Encrypt<</Filter/Standard/V 1/R 2/Length 40/P -4' +
    `/O<${'11'.repeat(32)}>/U<${'22'.repeat(32)}>>>`
  assert.deepEqual(await refusal('knowledge/a.pdf', pdfWith([['x']], { trailer: locked })), [
    'knowledge/a.pdf has a password or an old format; save it without one as PDF',
  ])
  const ole = Buffer.concat([
    Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]),
    Buffer.alloc(600),
  ])
  // “你好” in UCS-2.
  assert.deepEqual(await refusal('knowledge/a.pdf', pdfWith([['O`Y}']], { font: SONG })), [
    'knowledge/a.pdf has text in a font that is not in the file; save it with its fonts, or as Word (docx)',
  ])
  const all = await problemsOf({
    ...index,
    'knowledge/a.pdf': 'no pdf',
    'knowledge/b.docx': 'no zip',
    'knowledge/c.docx': ole,
    'knowledge/d.docx': await zipWith({ 'a.txt': 'no document' }),
    'knowledge/e.docx': await docxWith(''),
    'knowledge/f.html': '<script>only()</script>',
    'knowledge/g.docx': Buffer.alloc(5 * 1024 * 1024 + 1),
    'intents/more.xlsx': 'no zip',
  })
  assert.deepEqual(linesOf(all), [
    'intents/more.xlsx is damaged or is no Excel (xlsx) file',
    'knowledge/a.pdf is damaged or is no PDF file',
    'knowledge/b.docx is damaged or is no Word (docx) file',
    'knowledge/c.docx has a password or an old format; save it without one as Word (docx)',
    'knowledge/d.docx is damaged or is no Word (docx) file',
    'knowledge/e.docx holds no text',
    'knowledge/f.html holds no text',
    'knowledge/g.docx is larger than 5 MiB; split it',
  ])
})

test('a ZIP bomb is not unpacked, whatever its directory says', { timeout: 60_000 }, async () => {
  const bomb = await zipWith({ 'word/document.xml': Buffer.alloc(80 * 1024 * 1024, 'a') })
  assert.deepEqual(await refusal('knowledge/a.docx', bomb), ['knowledge/a.docx holds too much; split it'])
  const liar = Buffer.from(bomb)
  const entry = liar.lastIndexOf(Buffer.from([0x50, 0x4b, 0x01, 0x02]))
  liar.writeUInt32LE(10, entry + 24)
  const [told = ''] = await refusal('knowledge/a.docx', liar)
  assert.match(told, /^knowledge\/a\.docx (is damaged|takes too much memory)/)
})

test('a process that takes too long is ended, and the next file is read by another', async (t) => {
  const extractor = new Extractor({ timeoutMs: 1, maxRssBytes: 1e9 })
  t.after(() => extractor.close())
  const job = { kind: 'html', bytes: Buffer.from('<p>x</p>') } as const
  assert.deepEqual(await extractor.extract(job), { failure: 'too-slow' })
  const patient = new Extractor()
  t.after(() => patient.close())
  assert.deepEqual(await patient.extract(job), { text: 'x\n' })
  assert.deepEqual(await patient.extract({ kind: 'pdf', bytes: Buffer.from('x') }), { failure: 'broken' })
  assert.deepEqual(await patient.extract(job), { text: 'x\n' })
})

test('what was extracted is not extracted again while it is remembered, and an abort ends the reading', async () => {
  const memory = new ExtractMemory()
  const job = { kind: 'pdf', bytes: pdfWith([['Taxis: never.']]) } as const
  const files = new Map<string, Uint8Array>([
    ['tenant.yaml', Buffer.from(TENANT)],
    ['intents/it.yaml', Buffer.from(INTENT)],
    ['knowledge.yaml', Buffer.from(index['knowledge.yaml'])],
    ['knowledge/a.pdf', job.bytes],
  ])
  const textRead = async (signal?: AbortSignal) => {
    const result = await readTenant(files, { memory, ...(signal && { signal }) })
    return 'source' in result ? result.source.documents[0]?.text : result.problems
  }
  assert.equal(await textRead(), '## p. 1\n\nTaxis: never.\n')
  memory.set(job, 'remembered')
  assert.equal(await textRead(), 'remembered')
  await assert.rejects(textRead(AbortSignal.abort(new Error('enough'))), /enough/)

  const extractor = new Extractor()
  const abort = new AbortController()
  const running = extractor.extract(job, abort.signal)
  abort.abort(new Error('enough'))
  await assert.rejects(running, /enough/)
  assert.deepEqual(await extractor.extract(job), { text: '## p. 1\n\nTaxis: never.\n' })
  extractor.close()
})

test('a process that takes too much memory is ended', async (t) => {
  const extractor = new Extractor({ timeoutMs: 20_000, maxRssBytes: 1024 * 1024 })
  t.after(() => extractor.close())
  const outcome = await extractor.extract({ kind: 'pdf', bytes: pdfWith([['x']]) })
  assert.deepEqual(outcome, { failure: 'too-much-memory' })
})

test('deep markup ends with a problem and no more', { timeout: 60_000 }, async () => {
  const [told = ''] = await refusal('knowledge/a.html', '<b>'.repeat(200_000))
  assert.match(told, /^knowledge\/a\.html (is damaged|takes too|holds no text)/)
})

test('a sheet whose one cell stands far away is refused, not unfolded', { timeout: 60_000 }, async () => {
  const cell = '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>id</t></is></c></row>'
  const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
  const office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
  const sheet = await zipWith({
    'xl/workbook.xml': `<workbook xmlns="${main}" xmlns:r="${office}"><sheets><sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="${office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
    'xl/worksheets/sheet1.xml': `<worksheet xmlns="${main}"><sheetData>${cell}</sheetData></worksheet>`,
  })
  const [told = ''] = linesOf(await problemsOf({ 'intents/faq.xlsx': sheet }))
  assert.match(told, /^intents\/faq\.xlsx (holds too much|takes too much|takes too long|is damaged)/)
})
