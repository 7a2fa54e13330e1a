/** What a tenant says of the questions that are kept for training: `samples` of tenant.yaml. */
export interface Sampling {
  /** Of the questions that nobody complained about, in percent; what a person corrected is always kept. */
  readonly share: number
  /** How many wait for a label at once; what comes beyond is not kept. */
  readonly max: number
}

export const DEFAULT_SAMPLING: Sampling = { share: 100, max: 5_000 }
