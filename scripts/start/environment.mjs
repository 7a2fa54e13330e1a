// What the two programs are given of the launcher's environment.

/** Sections of the settings that only one of the two programs has: the other would refuse them as unknown. */
function groupsOf(schema) {
  return Object.entries(schema.properties).flatMap(([key, { properties }]) =>
    properties ? [`YIZHAN_${key.replace(/[A-Z]/g, '_$&').toUpperCase()}`] : [],
  )
}

/** `env` without the settings that are only the other program's, by the two programs' schemas. */
export function environmentFor(own, other, env) {
  const mine = new Set(groupsOf(own))
  const foreign = groupsOf(other).filter((name) => !mine.has(name))
  const belongs = (name) => foreign.some((prefix) => name === prefix || name.startsWith(`${prefix}__`))
  return Object.fromEntries(Object.entries(env).filter(([name]) => !belongs(name)))
}

/** The model server of `YIZHAN_LLM_*`, as the center's settings. */
export function llmSettings(env) {
  const settings = {
    YIZHAN_INFERENCE__LLM__URL: env.YIZHAN_LLM_URL,
    YIZHAN_INFERENCE__LLM__MODEL: env.YIZHAN_LLM_MODEL,
    YIZHAN_INFERENCE__LLM__API_KEY: env.YIZHAN_LLM_API_KEY,
  }
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value))
}
