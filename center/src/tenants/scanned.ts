import type { Page, ScanOptions } from '../storage/index.js'

const PAGE = 1_000

/** Every record of a collection, page by page. */
export async function* scanned(
  scan: (options: ScanOptions) => Promise<Page>,
): AsyncGenerator<Page['records'][number]> {
  let cursor: string | undefined
  do {
    const page = await scan({ limit: PAGE, ...(cursor === undefined ? {} : { cursor }) })
    yield* page.records
    cursor = page.cursor
  } while (cursor !== undefined)
}
