/** What ends with a test, a case or a benchmark. */
export interface Scope {
  after(fn: () => unknown): unknown
}
