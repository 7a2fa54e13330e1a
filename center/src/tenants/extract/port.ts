/** A file that is no plain text, to be read in a process of its own. */
export interface ExtractJob {
  readonly kind: 'html' | 'pdf' | 'docx' | 'xlsx'
  readonly bytes: Uint8Array
}

/** A cell that is not text in the sheet: how it was taken. */
export interface TakenCell {
  readonly row: number
  readonly column: number
  readonly text: string
}

/** Rows by their cells, both from 0. */
export interface ExtractedSheet {
  readonly rows: readonly (readonly string[])[]
  /** Numbers and dates; how they are shown in the sheet may be another form. */
  readonly taken: readonly TakenCell[]
  /** Names of further sheets that hold something. */
  readonly others: readonly string[]
}

export type ExtractFailure =
  | 'broken'
  | 'encrypted'
  | 'no-font'
  | 'no-text'
  | 'too-large'
  | 'too-many-pages'
  | 'too-slow'
  | 'too-much-memory'

export type ExtractOutcome =
  | { readonly text: string }
  | { readonly sheet: ExtractedSheet }
  | { readonly failure: ExtractFailure }

/** Of one document, as UTF-8: it is one stored value. */
export const MAX_TEXT_BYTES = 1024 * 1024
export const MAX_PAGES = 1_000

/** Thrown inside the process by what reads a file. */
export class ExtractError extends Error {
  readonly failure: ExtractFailure

  constructor(failure: ExtractFailure) {
    super(failure)
    this.failure = failure
  }
}
