import { type CliIo, oneLine } from '@yizhan/kernel'

/** To stderr: they hinder nothing. */
export function showWarnings(io: CliIo, warnings: readonly string[]): void {
  const label = io.say({ en: 'warning', zh: '警告' })
  for (const warning of warnings)
    io.err(`${io.colour ? `\u001b[33m${label}\u001b[39m` : label}: ${oneLine(warning)}`)
}
