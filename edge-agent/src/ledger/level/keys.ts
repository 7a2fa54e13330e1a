/** Keys of the store of an older journal: `m` marks, `r` records, `d` dedupe keys, `a` the same by age. Text order is seq order. */
export const META = 'm'
export const RECORDS_END = 's'

const hex = (value: number) => value.toString(16).padStart(14, '0')

export const recordKey = (seq: number) => `r${hex(seq)}`
export const seqOf = (key: string) => Number.parseInt(key.slice(1), 16)
/** Of a key `a…`, in milliseconds. */
export const ageOf = (key: string) => Number.parseInt(key.slice(1, 15), 16)
