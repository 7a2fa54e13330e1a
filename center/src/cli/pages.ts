import type { CliIo } from '@yizhan/kernel'
import type { Command } from 'commander'
import { type Answer, type CenterCall, inPath } from './center-call.js'

/** A list of several pages as one table, or one object a line. */
export async function pages(
  { io, call, command }: { readonly io: CliIo; readonly call: CenterCall; readonly command: Command },
  path: string,
  field: string,
  columns: readonly string[],
): Promise<void> {
  let cursor: string | undefined
  do {
    const query = cursor === undefined ? '' : `${path.includes('?') ? '&' : '?'}cursor=${inPath(cursor)}`
    const page = await call<Readonly<Record<string, unknown>>>(command, 'GET', `${path}${query}`)
    io.table(page[field] as readonly Answer[], columns)
    cursor = page.cursor as string | undefined
  } while (cursor !== undefined)
}
