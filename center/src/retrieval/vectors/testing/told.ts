import { createLogger, type Logger } from '@yizhan/kernel'

/** A logger whose warnings can be read, and waited for. */
export function listeningLogger(): {
  readonly log: Logger
  readonly told: string[]
  next(): Promise<string>
} {
  const told: string[] = []
  const waiting: ((message: string) => void)[] = []
  const destination = {
    write(line: string) {
      const message = String(JSON.parse(line).msg)
      told.push(message)
      for (const hear of waiting.splice(0)) hear(message)
    },
  }
  return {
    log: createLogger({ name: 'test', level: 'info', destination }),
    told,
    next: () => new Promise((resolve) => waiting.push(resolve)),
  }
}
