import type { Row } from './report.js'

/** As `benchStore`, on a PostgreSQL server that the run starts. */
export async function benchPostgres(): Promise<Row[]> {
  return []
}
