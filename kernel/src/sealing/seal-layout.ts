/** Of a data key; in clear after the format byte. */
export const KEY_ID_BYTES = 8
/** Where the nonce begins. */
export const NONCE_AT = 1 + KEY_ID_BYTES
