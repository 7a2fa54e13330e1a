import assert from 'node:assert/strict'
import { compileConfig } from '@yizhan/kernel'
import { type PostgresConfig, postgresConfigSchema } from '../config.js'

const compiler = compileConfig(postgresConfigSchema)

/** Settings as an operator writes them, with the defaults of what is left out. */
export function compilePostgresConfig(settings: unknown): PostgresConfig {
  const checked = compiler.check(settings)
  return checked.ok ? checked.value : assert.fail(JSON.stringify(checked.problems))
}
