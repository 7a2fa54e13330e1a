import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Changes,
  linesOf,
  problemsOf,
  read,
  sourceOf,
  TENANT,
  testRefusals,
} from './testing/directory.js'

const withClasses = (classes: string) => ({ 'tenant.yaml': `${TENANT}documentClasses:\n${classes}` })

testRefusals([
  [
    'readers on channels that are not there, persons without a channel, departments that anybody can claim',
    withClasses(
      '  a: {channels: [webb, api], people: [li, /li, web/, nowhere/li, web/li]}\n  b: {departments: [财务部]}\n',
    ),
    [
      'tenant.yaml:6:18 documentClasses.a.channels.0: there is no channel webb; did you mean web?',
      'tenant.yaml:6:39 documentClasses.a.people.0: must be a channel and its id of a person, such as dingtalk/u123',
      'tenant.yaml:6:43 documentClasses.a.people.1: must be a channel and its id of a person, such as dingtalk/u123',
      'tenant.yaml:6:48 documentClasses.a.people.2: must be a channel and its id of a person, such as dingtalk/u123',
      'tenant.yaml:6:54 documentClasses.a.people.3: there is no channel nowhere; known: web, mqtt',
      'tenant.yaml:7:7 documentClasses.b.departments: needs “channels”: on which of them what is said of a department can be trusted',
    ],
  ],
  [
    'a class of documents that nobody may see',
    {
      ...withClasses('  internal: {everybody: true}\n'),
      'knowledge.yaml': 'a: {files: [knowledge/a.md], class: internl}\n',
      'knowledge/a.md': '# A',
    },
    [
      'knowledge.yaml:1:30 a.class: nobody may see the class internl: it is not in documentClasses of tenant.yaml; did you mean internal?',
    ],
  ],
])

test('a class where a tenant has none hides nothing, which is said once of each', async () => {
  const files = {
    'knowledge.yaml':
      'a: {files: [knowledge/a.md], class: internal}\nb: {files: [knowledge/b.md], class: internal}\nc: {files: [knowledge/c.md]}\n',
    'knowledge/a.md': '# A',
    'knowledge/b.md': '# B',
    'knowledge/c.md': '# C',
  }
  const toldOf = async (changes: Changes) =>
    linesOf((await read({ ...files, ...changes })).warnings).filter((line) => line.startsWith('knowledge'))
  assert.deepEqual(await toldOf({ 'tenant.yaml': TENANT }), [
    'knowledge.yaml:1:30 a.class: the class internal hides nothing: without documentClasses in tenant.yaml everybody may see every document',
  ])
  assert.deepEqual(await toldOf(withClasses('  internal: {everybody: true}\n')), [])
})

test('what is not said of a class lets nobody in', async () => {
  const { documentClasses } = await sourceOf(
    withClasses('  board: {}\n  pay: {channels: [web], departments: [HR]}\n'),
  )
  const nobody = { everybody: false, channels: [], departments: [], people: [], groups: false }
  assert.deepEqual(documentClasses, {
    board: nobody,
    pay: { ...nobody, channels: ['web'], departments: ['HR'] },
  })
  assert.equal((await sourceOf({})).documentClasses, undefined)
})

test('a wrong form of readers is told once', async () => {
  const told = linesOf(await problemsOf(withClasses('  a: everybody\n')))
  assert.equal(told.length, 1)
})
