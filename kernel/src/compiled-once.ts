/**
 * Options of ajv for schemas of our own that check a few values and no more: the program that ajv writes is not made shorter, and
 * the schema is not held against the rules for schemas (a test does that). Either takes longer than all that is checked.
 */
export const COMPILED_ONCE = { code: { optimize: false }, validateSchema: false } as const
