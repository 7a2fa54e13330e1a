import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '@yizhan/kernel'
import { Ajv } from 'ajv'
import { centerConfig } from './config.js'

test('the defaults alone are a whole configuration', () => {
  const { value } = loadConfig(centerConfig, { env: {}, flags: {} })
  assert.equal(value.log.level, 'info')
  assert.ok(Object.isFrozen(value))
})

test('what a reload puts in force is the log level; everything else says that it needs a restart', () => {
  const live = centerConfig.fields.filter((field) => !field.restart).map((field) => field.path)
  assert.deepEqual(live, ['log.level'])
})

test('the schema keeps to the rules for schemas, which a start does not look at', () => {
  assert.equal(new Ajv({ strict: false }).validateSchema(centerConfig.schema, true), true)
})
