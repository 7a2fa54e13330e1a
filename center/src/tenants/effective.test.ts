import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withKept } from './effective.js'
import { readTenant } from './source.js'
import { directory, FILES } from './testing/catalog.js'

const text = (files: ReadonlyMap<string, Uint8Array>, path: string) =>
  Buffer.from(files.get(path) ?? []).toString('utf8')
const names = (kept: readonly { readonly kind: string; readonly name: string }[]) =>
  kept.map(({ kind, name }) => `${kind} ${name}`)

async function readable(files: ReadonlyMap<string, Uint8Array>) {
  const read = await readTenant(files)
  assert.ok('source' in read, JSON.stringify('problems' in read && read.problems))
  return read.source
}

const RICH = {
  'tenant.yaml': `${FILES['tenant.yaml']}handoff:\n  desk: {channel: web}\n  night: {channel: mqtt} # by phone\n`,
  'channels.yaml': 'web: {platform: web}\nmqtt: {platform: mqtt}\n',
  'cards/hi.yaml': 'title: Hi\n',
  'intents/more.yaml': `hi:
  ask: |
    你好呀
    hello there
    - 007 #619
  reply: {card: hi}
leave:
  ask: 我要请假
  slots:
    kind: {type: choice, ask: 哪种假, options: {annual: 年假, sick: 病假}}
    from: {type: date, ask: {zh: 从哪天, en: From when}}
  reply: "好：{kind} {from}"
  offline: 已记下
person: {ask: 转人工客服, reply: {handoff: night}}
`,
}

test('an intent that vanished from its file, or with its file, stays in force with all that it has', async () => {
  const before = directory(RICH)
  const given = directory({ ...RICH, 'intents/more.yaml': undefined, 'intents/hr.yaml': undefined })
  const { files, kept } = await withKept(before, given)
  assert.deepEqual(names(kept), ['intent hr.leave', 'intent hi', 'intent leave', 'intent person'])
  const [was, is] = [await readable(before), await readable(files)]
  assert.deepEqual(is.file, was.file)
  const sorted = (examples: typeof was.examples) => examples.map(({ intent, text }) => intent + text).sort()
  assert.deepEqual(sorted(is.examples), sorted(was.examples))
  assert.match(text(files, 'intents/kept.yaml'), /^# Written by the center/)
  assert.match(text(files, 'intents/kept.yaml'), /ask: \|\n {4}你好呀\n {4}hello there\n {4}- 007 #619\n/)
})

test('the same directory again gives the same files, byte by byte', async () => {
  const before = directory(RICH)
  const given = directory({ 'intents/hr.yaml': undefined })
  const first = await withKept(before, given)
  const second = await withKept(first.files, given)
  assert.deepEqual([...second.files], [...first.files])
  assert.deepEqual(second.kept, first.kept)
})

test('an intent that moves to another file is no deletion, and one that is renamed leaves nothing behind', async () => {
  const moved = await withKept(
    directory(),
    directory({ 'intents/it.yaml': undefined, 'intents/network.yaml': FILES['intents/it.yaml'] }),
  )
  assert.deepEqual([moved.kept, moved.files.has('intents/kept.yaml')], [[], false])
  const renamed = await withKept(
    directory(),
    directory({ 'intents/it.yaml': FILES['intents/it.yaml'].replace('it.vpn', 'net.vpn') }),
  )
  assert.deepEqual([renamed.kept, renamed.files.has('intents/kept.yaml')], [[], false])
})

test('a question that went to another intent is not kept twice', async () => {
  const given = directory({ 'intents/it.yaml': 'net.vpn: {ask: 怎么连 VPN, reply: 新}\n' })
  const { files, kept } = await withKept(directory(), given)
  assert.deepEqual(names(kept), ['intent it.vpn'])
  assert.doesNotMatch(text(files, 'intents/kept.yaml'), /怎么连/)
  await readable(new Map([...files].filter(([path]) => !path.startsWith('tests/'))))
})

test('a directory that defines a kept intent again ends the keeping', async () => {
  const { files } = await withKept(directory(), directory({ 'intents/hr.yaml': undefined }))
  assert.ok(files.has('intents/kept.yaml'))
  const back = await withKept(files, directory())
  assert.deepEqual(back.kept, [])
  assert.deepEqual([...back.files.keys()], [...directory().keys()].sort())
})

test('a directory that was exported keeps more intents in the file that it has for them', async () => {
  const { files } = await withKept(directory(RICH), directory({ ...RICH, 'intents/hr.yaml': undefined }))
  const exported = new Map([...files].filter(([path]) => path !== 'intents/more.yaml'))
  const again = await withKept(files, exported)
  assert.deepEqual(names(again.kept), ['intent hi', 'intent leave', 'intent person'])
  assert.deepEqual(Object.keys((await readable(again.files)).file.intents).sort(), [
    'hi',
    'hr.leave',
    'it.vpn',
    'leave',
    'person',
  ])
})

test('cards, hand-offs, channels and documents stay, in their own files', async () => {
  const before = directory(RICH)
  const given = directory({
    'tenant.yaml': `${FILES['tenant.yaml']}handoff: {desk: {channel: web}} # ours\n`,
    'channels.yaml': '# all of them\nweb: {platform: web}\n',
    'intents/hr.yaml': undefined,
    'knowledge.yaml': 'other: {files: [knowledge/other.md]}\n',
    'knowledge/leave.md': undefined,
    'knowledge/other.md': '# Other\n\ntext\n',
  })
  const { files, kept } = await withKept(before, given)
  assert.deepEqual(names(kept), [
    'intent hr.leave',
    'intent hi',
    'intent leave',
    'intent person',
    'card hi',
    'channel mqtt',
    'handoff night',
    'document knowledge/leave.md',
    'knowledge hr',
  ])
  const source = await readable(files)
  assert.deepEqual(
    source.file.handoffs?.map(({ name }) => name),
    ['desk', 'night'],
  )
  assert.deepEqual(
    source.documents.map(({ id, knowledge }) => [id, knowledge]),
    [
      ['knowledge/other.md', 'other'],
      ['knowledge/leave.md', 'hr'],
    ],
  )
  assert.match(text(files, 'channels.yaml'), /^# all of them/)
})

test('a knowledge that is renamed takes its documents along', async () => {
  const given = directory({
    'intents/hr.yaml': 'hr.leave: {ask: 怎么请假, reply: {forward: {knowledge: [people]}}}\n',
    'knowledge.yaml': 'people: {files: [knowledge/*.md]}\n',
    'knowledge/leave.md': undefined,
    'knowledge/new.md': '# New\n',
  })
  const { files, kept } = await withKept(directory(), given)
  assert.deepEqual(names(kept), ['document knowledge/leave.md'])
  assert.deepEqual(
    (await readable(files)).documents.map(({ knowledge }) => knowledge),
    ['people', 'people'],
  )
})

test('tests are the author’s own: those that are gone are not run', async () => {
  const { files, kept } = await withKept(directory(), directory({ 'tests/smoke.yaml': undefined }))
  assert.deepEqual([kept, files.has('tests/smoke.yaml')], [[], false])
})

test('a task in a file of another name, and a persona that nobody names, are not kept beside the new ones', async () => {
  const task =
    '{"task_id":"a","schedule":"0 9 * * *","command":{"type":"model_inference","params":{}},"notify_channels":["web"]}'
  const before = directory({
    'tenant.yaml': `${FILES['tenant.yaml']}persona: desk\n`,
    'personas/desk.md': 'You are kind.',
    'tasks/one.json': task,
    'tasks/other.json': task.replace('"a"', '"b"'),
  })
  const { files, kept } = await withKept(before, directory({ 'tasks/two.json': task }))
  assert.deepEqual(names(kept), ['task other'])
  await readable(files)
})

test('a directory that cannot be read keeps nothing back: the reader tells what is wrong with it', async () => {
  for (const broken of ['it.vpn: [', '- a list\n', 'it.vpn:\n\task: x\n']) {
    const { files, kept } = await withKept(directory(), directory({ 'intents/it.yaml': broken }))
    assert.deepEqual([kept, files.has('intents/kept.yaml')], [[], false], broken)
  }
  assert.deepEqual((await withKept(new Map(), directory())).kept, [])
})
