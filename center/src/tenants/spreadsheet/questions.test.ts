import assert from 'node:assert/strict'
import { test } from 'node:test'
import writeSheet from 'write-excel-file/node'
import { questionsCsv, questionsTable, questionsXlsx } from '../question-export.js'
import { linesOf, problemsOf, read, sourceOf, testRefusals } from '../testing/directory.js'

const csv = (text: string | Uint8Array) => ({ 'intents/faq.csv': text })
const HEAD = 'id,ask,ask,reply.zh,reply.en\n'

testRefusals([
  [
    'columns that are unknown, twice, or in a language that the tenant does not speak',
    csv('id,aks,reply.zh,reply.zh,reply.fr,note\na,b,c\n'),
    [
      'intents/faq.csv:1:1 needs a column ask',
      'intents/faq.csv:1:2 unknown column (did you mean ask?); known: id, ask, reply, reply.zh, reply.en',
      'intents/faq.csv:1:4 this column stands here twice',
      'intents/faq.csv:1:5 fr is not one of the languages in tenant.yaml (zh, en)',
      'intents/faq.csv:1:6 unknown column; known: id, ask, reply, reply.zh, reply.en',
    ],
  ],
  [
    'an empty file',
    csv(''),
    ['intents/faq.csv is empty; its first row names the columns: id, ask, ask, reply.zh, reply.en'],
  ],
  [
    'rows without what they need',
    csv(`${HEAD},怎么,,好,OK\nb,x1\nc,,,好,OK\nIT VPN,x2,,好,OK\nd,x3,,好,OK,x4\n`),
    [
      'intents/faq.csv:2:1 needs the id of an intent',
      'intents/faq.csv:3:1 b: has no reply; intents that do something else than reply with text stand in YAML',
      'intents/faq.csv:4:1 c: has no question',
      'intents/faq.csv:5:1 IT VPN: must be an intent id: at most 120 of a-z, 0-9, - and _, words joined by dots, such as it.vpn',
      'intents/faq.csv:6:6 stands beyond the columns of the first row',
    ],
  ],
  [
    'a second reply, an intent of another file, and a question of another intent, below a cell of two lines',
    csv(`${HEAD}a,"q1\nq2",,好,OK\na,q3,,不,\nit.vpn,q4,,好,OK\nb,怎么连VPN？,,好,OK\n`),
    [
      'intents/faq.csv:4:4 is not the reply of row 2; leave it empty or write the same',
      'intents/faq.csv:5:1 it.vpn: stands already in intents/it.yaml; an intent has one place',
      'intents/faq.csv:6:2 “怎么连VPN？” is also a question of it.vpn (intents/it.yaml:3:5); keep it in one of them',
    ],
  ],
  [
    'quotes that do not close, and quotes inside a cell',
    { 'intents/a.csv': `${HEAD}a,"q1,,好,OK\n`, 'intents/b.csv': `${HEAD}a,q "1",,好,OK\n` },
    [
      'intents/a.csv:2:1 a quoted cell that begins here has no end',
      'intents/b.csv:2:1 a quote stands inside a cell; put the cell in quotes and double it: "a ""b"""',
    ],
  ],
  [
    'bytes in no encoding',
    csv(Buffer.from([0x69, 0x64, 0xff, 0xff])),
    ['intents/faq.csv is neither UTF-8 nor GB18030'],
  ],
])

const EXPECTED = {
  asks: ['报销 #1', '怎么报销', '007', 'How?'],
  reply: { kind: 'text', text: { zh: '=SUM(A1) 填单', en: 'Fill in\nthe form, "now"' } },
}

async function intentOf(files: Record<string, string | Uint8Array>) {
  const { file, examples } = await sourceOf(files)
  const asks = examples.filter(({ intent }) => intent === 'fin.pay').map(({ text }) => text)
  return { asks, reply: file.intents['fin.pay']?.reply }
}

test('more columns and more rows add questions, an empty row nothing; commas, semicolons, tabs, with and without BOM', async () => {
  const rows = [
    ['编号', '问句', '问句 2', '回复.zh', '回复（英文）'],
    ['fin.pay', '报销 #1', '怎么报销', '=SUM(A1) 填单', '"Fill in\nthe form, ""now"""'],
    ['', '', '', '', ''],
    ['', '007', '', '', ''],
    ['fin.pay', 'How?', '', '', ''],
  ]
  for (const sign of [',', ';', '\t']) {
    const quoted = rows.map((row) =>
      row.map((cell) => (cell.startsWith('"') ? cell : `"${cell}"`)).join(sign),
    )
    assert.deepEqual(await intentOf(csv(`\ufeff${quoted.join('\r\n')}\r\n`)), EXPECTED)
    assert.deepEqual(await intentOf(csv(quoted.join('\n'))), EXPECTED)
  }
})

test('a file as Excel saves it in China is read, and told', async () => {
  // “id,ask,reply” and “a,你好,好” in GB18030.
  const bytes = Buffer.concat([
    Buffer.from('id,ask,reply\na,'),
    Buffer.from([0xc4, 0xe3, 0xba, 0xc3]),
    Buffer.from(',ok\n'),
  ])
  const result = await read(csv(bytes))
  assert.ok('source' in result)
  assert.ok(result.source.examples.some(({ text }) => text === '你好'))
  assert.ok(linesOf(result.warnings).includes('intents/faq.csv is not UTF-8; it was read as GB18030'))
})

test('a sheet gives its texts as they are; numbers as they are shown; where that is not known, the cell is told', async () => {
  const text = (value: string) => ({ value, type: String })
  const bytes = await writeSheet([
    ['id', 'ask', 'ask', 'reply'].map(text),
    [text('a'), text('007'), { value: 8, type: Number, format: '000' }, text('=1+1')],
    [],
    [text('a'), { value: new Date(Date.UTC(2024, 0, 2)), type: Date, format: 'm/d/yyyy' }],
    [text('a'), { value: 9, type: Number, format: '"No." 0' }, { value: 110, type: Number }],
  ]).toBuffer()
  const result = await read({ 'intents/faq.xlsx': bytes })
  assert.ok('source' in result, JSON.stringify(result))
  const { examples, file } = result.source
  const asks = examples.filter(({ intent }) => intent === 'a').map(({ text: ask }) => ask)
  assert.deepEqual(asks, ['007', '008', '2024-01-02', '9', '110'])
  assert.deepEqual(file.intents.a?.reply, { kind: 'text', text: { zh: '=1+1' } })
  const told = linesOf(result.warnings).filter((line) => line.startsWith('intents/faq.xlsx'))
  const shape = 'format the cell as text if it shows something else'
  assert.deepEqual(told, [
    'intents/faq.xlsx:B2 the intent has no question in zh',
    `intents/faq.xlsx:B4 is no text in the sheet and was taken as “2024-01-02”; ${shape}`,
    `intents/faq.xlsx:B5 is no text in the sheet and was taken as “9”; ${shape}`,
  ])
})

test('a problem in a sheet names its cell', async () => {
  const rows = [
    ['id', 'ask', 'reply.zh', 'reply.en'],
    [],
    ['It.VPN', '怎么', '好', 'OK'],
    ['b', '怎么连VPN', '好', 'OK'],
  ]
  const bytes = await writeSheet(rows.map((row) => row.map((value) => ({ value, type: String })))).toBuffer()
  assert.deepEqual(linesOf(await problemsOf({ 'intents/faq.xlsx': bytes })), [
    'intents/faq.xlsx:A3 It.VPN: must be an intent id: at most 120 of a-z, 0-9, - and _, words joined by dots, such as it.vpn',
    'intents/faq.xlsx:B4 “怎么连VPN” is also a question of it.vpn (intents/it.yaml:3:5); keep it in one of them',
  ])
})

test('questions and replies go out to a spreadsheet and come back the same; no cell would be run', async () => {
  const source = await sourceOf({
    'intents/more.yaml':
      'odd:\n  ask: |\n    =cmd|calc\n    +86 号码\n    -1 层怎么走\n    @所有人\n    \'=quoted\n    报错 "619", 怎么办\n' +
      '  reply:\n    zh: |\n      第一行\n      - 第二行\n    en: "@home"\n' +
      'one: {ask: 只有中文, reply: 好}\ntime: {ask: 几点了, reply: {skill: time}}\n',
  })
  const table = questionsTable(source)
  assert.deepEqual(table.left, ['time'])
  const text = Buffer.from(questionsCsv(table)).toString('utf8')
  assert.match(text, /^\ufeffid,ask,reply\.zh,reply\.en\r\n/)
  assert.doesNotMatch(text, /[,"][=+@-]/)
  const kept = { 'intents/it.yaml': 'time: {ask: 几点了, reply: {skill: time}}\n' }
  const formats = { 'intents/q.csv': questionsCsv(table), 'intents/q.xlsx': await questionsXlsx(table) }
  for (const [name, bytes] of Object.entries(formats)) {
    const back = await sourceOf({ ...kept, [name]: bytes })
    const byId = (a: { intent: string }, b: { intent: string }) =>
      a.intent < b.intent ? -1 : a.intent > b.intent ? 1 : 0
    assert.deepEqual([...back.examples].sort(byId), [...source.examples].sort(byId), name)
    assert.deepEqual(back.file.intents, source.file.intents, name)
  }
})
