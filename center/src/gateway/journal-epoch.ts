/** A journal's epoch as it stands in keys and logs: 16 hex digits. */
export function epochText(epoch: bigint): string {
  return epoch.toString(16).padStart(16, '0')
}
