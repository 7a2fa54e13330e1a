/** A center takes a hundred handshakes a second with ease; few edges need not wait for the many that are not there. */
const MS_PER_EDGE = 10

/** Within what time the edges of a fleet come back after a loss: grows with their number, up to the setting. Milliseconds. */
export function reconnectSpread(edges: number, mostMs: number): number {
  return Math.min(mostMs, edges * MS_PER_EDGE)
}
