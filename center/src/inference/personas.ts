import type { LanguageMap } from '@yizhan/intent'
import type { TenantId } from '@yizhan/kernel'

/** A text of a tenant, for each language, such as how its model is to speak; undefined if the tenant has none. */
export type PersonaOf = (tenant: TenantId) => LanguageMap | undefined

/** One text of each tenant (how its model speaks, what marks generated text), in memory: whoever reads the tenants' directories fills it. */
export interface Personas {
  readonly of: PersonaOf
  replace(tenant: TenantId, persona: LanguageMap | undefined): void
}

export function createPersonas(): Personas {
  const known = new Map<TenantId, LanguageMap>()
  return {
    of: (tenant) => known.get(tenant),
    replace(tenant, persona) {
      if (persona) known.set(tenant, persona)
      else known.delete(tenant)
    },
  }
}

/** The text in the language of an answer, else in the first that there is. */
export function personaIn(persona: LanguageMap | undefined, locale: string): string | undefined {
  if (!persona) return undefined
  const primary = locale.toLowerCase().split(/[-_]/)[0]
  const tag = Object.keys(persona).find((known) => known.toLowerCase().split('-')[0] === primary)
  return persona[locale] ?? (tag === undefined ? Object.values(persona)[0] : persona[tag])
}
