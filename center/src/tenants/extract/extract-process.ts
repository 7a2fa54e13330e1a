import { ExtractError, type ExtractJob, type ExtractOutcome, MAX_TEXT_BYTES } from './port.js'

// The program of the process that reads files which somebody else made. Its parent ends it when it takes too long or
// too much; it has no environment and answers one job after the other.

process.on('message', (job: ExtractJob) => {
  void extract(job).then((outcome) => process.send?.(outcome))
})
process.on('disconnect', () => process.exit())

async function extract({ kind, bytes }: ExtractJob): Promise<ExtractOutcome> {
  try {
    // Loaded where they are needed: a directory with one spreadsheet does not wait for the reader of PDF.
    if (kind === 'xlsx') return { sheet: await (await import('./xlsx.js')).xlsxToSheet(bytes) }
    const text = await textOf(kind, bytes)
    return Buffer.byteLength(text) > MAX_TEXT_BYTES ? { failure: 'too-large' } : { text }
  } catch (thrown) {
    return { failure: thrown instanceof ExtractError ? thrown.failure : 'broken' }
  }
}

async function textOf(kind: Exclude<ExtractJob['kind'], 'xlsx'>, bytes: Uint8Array): Promise<string> {
  switch (kind) {
    case 'html':
      return (await import('./html.js')).htmlToText(Buffer.from(bytes).toString('utf8'))
    case 'pdf':
      return (await import('./pdf.js')).pdfToText(bytes)
    case 'docx':
      return (await import('./docx.js')).docxToText(bytes)
  }
}
