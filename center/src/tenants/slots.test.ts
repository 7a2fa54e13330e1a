import assert from 'node:assert/strict'
import { test } from 'node:test'
import { INTENT, sourceOf, TENANT, testRefusals } from './testing/directory.js'

const withSlot = (slot: string) => ({
  'intents/it.yaml': `${INTENT}  slots:\n    where: ${slot}\n`,
})

testRefusals([
  [
    'a name without names',
    withSlot('{type: name, ask: {zh: 哪里？, en: Where?}}'),
    ['intents/it.yaml:7:5 it.vpn.slots.where: a name needs “names”, such as {Beijing: [北京, Peking]}'],
  ],
  [
    'names of something else',
    withSlot('{type: text, ask: {zh: 哪里？, en: Where?}, names: {Beijing: [北京]}}'),
    ['intents/it.yaml:7:53 it.vpn.slots.where.names: only a slot of type name has names'],
  ],
  [
    'a time zone that there is not',
    { 'tenant.yaml': `${TENANT}timezone: Mars/Olympus\n` },
    ['tenant.yaml:5:1 timezone: is no time zone; write one such as Asia/Shanghai or Europe/Berlin'],
  ],
])

test('names with their other names, and the time zone, are what edges get', async () => {
  const source = await sourceOf({
    ...withSlot('{type: name, ask: {zh: 哪里？, en: Where?}, names: {Beijing: [北京, 帝都], York: []}}'),
    'tenant.yaml': `${TENANT}timezone: Asia/Shanghai\n`,
    'sites.csv':
      'site,edge,timezone\nhall,hall-1,Asia/Shanghai\nparis,paris-1,Europe/Paris\nrome,,Europe/Rome\n',
  })
  assert.equal(source.file.timezone, 'Asia/Shanghai')
  assert.deepEqual(source.file.timezones, { 'paris-1': 'Europe/Paris' })
  assert.deepEqual(source.file.intents['it.vpn']?.slots?.[0]?.names, [
    { value: 'Beijing', also: ['北京', '帝都'] },
    { value: 'York', also: [] },
  ])
})
