import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Reader } from '../inference/port.js'
import { type ClassReaders, classesFor } from './document-classes.js'

const nobody: ClassReaders = { everybody: false, channels: [], departments: [], people: [], groups: false }
const li: Reader = { channel: 'dingtalk', sender: 'li', department: '财务部', inGroup: false }
const sees = (readers: Partial<ClassReaders>, reader: Partial<Reader> = {}) =>
  classesFor({ finance: { ...nobody, ...readers } }, { ...li, ...reader })?.length === 1

test('a class that names nobody is seen by nobody, and one that is not named neither', () => {
  assert.equal(sees({}), false)
  assert.deepEqual(classesFor({}, li), [])
  assert.equal(sees({ departments: ['财务部'] }), false)
})

test('a tenant without classes, and a question of nobody in particular, see everything', () => {
  assert.equal(classesFor(undefined, li), undefined)
  assert.equal(classesFor({ finance: nobody }, undefined), undefined)
})

test('a channel lets in all of it, or those of some departments there', () => {
  assert.equal(sees({ channels: ['dingtalk'] }), true)
  assert.equal(sees({ channels: ['web'] }), false)
  const finance = { channels: ['dingtalk'], departments: ['财务部', 'Finance'] }
  assert.equal(sees(finance), true)
  assert.equal(sees(finance, { department: ' Finance ' }), true)
  for (const department of ['', '财务', '财务部二', 'finance'])
    assert.equal(sees(finance, { department }), false)
  assert.equal(sees(finance, { channel: 'web' }), false)
})

test('a person is known on a channel, not by a name alone', () => {
  const readers = { people: ['dingtalk/li', 'dingtalk/'] }
  assert.equal(sees(readers, { department: '' }), true)
  assert.equal(sees(readers, { channel: 'web' }), false)
  assert.equal(sees(readers, { sender: '' }), false)
})

test('in a group nobody sees what others there may not, unless the class says so', () => {
  const inGroup = { inGroup: true }
  assert.equal(sees({ everybody: true }, inGroup), true)
  assert.equal(sees({ channels: ['dingtalk'] }, inGroup), false)
  assert.equal(sees({ people: ['dingtalk/li'] }, inGroup), false)
  assert.equal(sees({ channels: ['dingtalk'], groups: true }, inGroup), true)
})
