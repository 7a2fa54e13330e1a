import { parseJson } from '@yizhan/kernel'

/** The texts of a JSON array in what a model wrote, whatever stands around it; else its lines, without their marks. */
export function listIn(answer: string): string[] {
  const value = jsonIn(answer, '[', ']')
  if (Array.isArray(value)) return value.filter((one): one is string => typeof one === 'string')
  return answer
    .split('\n')
    .map((line) => line.replace(/^\s*(?:[-*•]|\d+[.)、])\s*/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('```'))
}

/** The texts of a JSON object in what a model wrote; none if there is no such object. */
export function mapIn(answer: string): ReadonlyMap<string, string> {
  const value = jsonIn(answer, '{', '}')
  if (typeof value !== 'object' || value === null) return new Map()
  return new Map(
    Object.entries(value).flatMap(([key, text]) => (typeof text === 'string' ? [[key, text] as const] : [])),
  )
}

function jsonIn(answer: string, open: string, close: string): unknown {
  const [from, to] = [answer.indexOf(open), answer.lastIndexOf(close)]
  if (from < 0 || to < from) return undefined
  try {
    return parseJson(answer.slice(from, to + 1))
  } catch {
    return undefined
  }
}

export function chunked<T>(values: readonly T[], size: number): T[][] {
  const chunks: T[][] = []
  for (let at = 0; at < values.length; at += size) chunks.push(values.slice(at, at + size))
  return chunks
}
