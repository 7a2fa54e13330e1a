import type { Slot } from '@yizhan/intent'
import { inLanguage, primaryOf } from '../tenants/index.js'

/** The values of an intent's slots by name; all of them. */
export type SlotValues = Readonly<Record<string, string>>

export interface Reader {
  readonly language: string
  /** The tenant's languages. */
  readonly languages: readonly string[]
}

/** A value as its reader sees it: an option by its label, all else as it is. */
export function toldValue(slot: Slot, value: string, { language, languages }: Reader): string {
  const option = slot.options?.find((one) => one.value === value)
  return option ? inLanguage(option.label, language, languages) : value
}

const PLACEHOLDER = /\{([a-z][a-z0-9_]*)\}/gu

/** A text with the values of slots in place of `{name}`. A value that looks like a placeholder stays as it is. */
export function filled(text: string, slots: readonly Slot[], values: SlotValues, reader: Reader): string {
  return text.replace(PLACEHOLDER, (whole, name: string) => {
    const slot = slots.find((one) => one.name === name)
    const value = slot && Object.hasOwn(values, name) ? values[name] : undefined
    return slot && value !== undefined ? toldValue(slot, value, reader) : whole
  })
}

/** The values in one line, for who knows the names: `from: 2026-12-01; kind: annual leave`. */
export function inOneLine(slots: readonly Slot[], values: SlotValues, reader: Reader): string {
  return told(slots, values, reader)
    .map(({ name, value }) => `${name}: ${value}`)
    .join('; ')
}

/** The values alone, for who has just said them: the names of slots are not written for readers. */
export function valuesInOneLine(slots: readonly Slot[], values: SlotValues, reader: Reader): string {
  const separator = primaryOf(reader.language) === 'zh' ? '、' : ', '
  return told(slots, values, reader)
    .map(({ value }) => value)
    .join(separator)
}

function told(slots: readonly Slot[], values: SlotValues, reader: Reader): { name: string; value: string }[] {
  return slots.flatMap((slot) => {
    const value = Object.hasOwn(values, slot.name) ? values[slot.name] : undefined
    return value === undefined ? [] : [{ name: slot.name, value: toldValue(slot, value, reader) }]
  })
}
