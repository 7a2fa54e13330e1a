import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '@yizhan/kernel'
import { Ajv } from 'ajv'
import { edgeConfig } from './config.js'

test('the defaults alone are a whole configuration', () => {
  const { value } = loadConfig(edgeConfig, { env: {}, flags: {} })
  assert.equal(value.log.level, 'info')
  assert.ok(Object.isFrozen(value))
})

test('what a reload puts in force is the log level; everything else says that it needs a restart', () => {
  const live = edgeConfig.fields.filter((field) => !field.restart).map((field) => field.path)
  assert.deepEqual(live, ['log.level'])
})

test('the schema keeps to the rules for schemas, which a start does not look at', () => {
  assert.equal(new Ajv({ strict: false }).validateSchema(edgeConfig.schema, true), true)
})

test('what is taken without a look at the single rules keeps to each of them', () => {
  const validate = new Ajv({ strict: false }).compile(edgeConfig.schema)
  const wrong = [null, true, '', 'x', ' ', -1, 0, 0.5, 1e12, Number.NaN, [], [''], [{}], {}, { unknown: 1 }]
  let refused = 0
  for (const { keys, path } of edgeConfig.fields) {
    for (const value of wrong) {
      const given = keys.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value)
      const checked = edgeConfig.check(given)
      if (checked.ok) assert.ok(validate(checked.value), `${path}: ${JSON.stringify(validate.errors)}`)
      else refused += 1
    }
  }
  assert.ok(refused > edgeConfig.fields.length * 5, `${refused} refused`)
})
