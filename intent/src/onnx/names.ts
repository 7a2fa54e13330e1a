/** Names of the ends of a hashed model's graph. Deployed models carry them. */
export const INPUT_IDS = 'ids'
export const INPUT_WEIGHTS = 'weights'
export const OUTPUT = 'probabilities'
