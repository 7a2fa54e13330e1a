/** Which setting a flag sets, by the flag's name as commander gives it. */
export type FlagPaths = Readonly<Record<string, { readonly path: string; readonly number?: true }>>

/** The given flags as a nested config value; a number flag that is no number stays text and is refused by the schema. */
export function flagSettings(
  given: Readonly<Record<string, unknown>>,
  flags: FlagPaths,
): Record<string, unknown> {
  const settings: Record<string, unknown> = {}
  for (const [flag, { path, number }] of Object.entries(flags)) {
    const text = given[flag]
    if (text === undefined) continue
    const value = number && text !== '' && Number.isFinite(Number(text)) ? Number(text) : text
    const keys = path.split('.')
    const last = keys.pop() ?? path
    let at = settings
    for (const key of keys) {
      at[key] ??= {}
      at = at[key] as Record<string, unknown>
    }
    at[last] = value
  }
  return settings
}
