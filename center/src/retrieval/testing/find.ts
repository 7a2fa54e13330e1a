import type { TenantId } from '@yizhan/kernel'
import type { Passage, Retriever, SearchOptions } from '../../inference/port.js'

/** For tests: what a search that nobody breaks off finds, by default five passages in all knowledge. */
export async function find(
  retriever: Retriever,
  tenant: TenantId,
  question: string,
  options: SearchOptions = { knowledge: [], limit: 5 },
): Promise<readonly Passage[]> {
  return await retriever.search(tenant, question, options, new AbortController().signal)
}
