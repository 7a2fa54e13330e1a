/** One value of a process's `/metrics`. */
export async function metricAt(url: string, name: string): Promise<number> {
  const text = await (await fetch(new URL('/metrics', url))).text()
  const [, value] = new RegExp(`^${name} (\\S+)$`, 'm').exec(text) ?? []
  if (value === undefined) throw new Error(`${url} has no metric ${name}`)
  return Number(value)
}
