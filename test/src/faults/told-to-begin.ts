import { once } from 'node:events'

/** In a child of `Lives`: everything is imported; resolves when the life is to begin. */
export async function toldToBegin(): Promise<void> {
  process.stdin.resume()
  await once(process.stdin, 'end')
}

/** One JSON line to stdout. */
export function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
