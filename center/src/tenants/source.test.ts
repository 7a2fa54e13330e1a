import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readTenantDirectory } from './directory.js'
import { tenantInvalid } from './problem.js'
import { readTenant } from './source.js'
import { INTENT, linesOf, problemsOf, sourceOf, TENANT, testRefusals } from './testing/directory.js'

const tenantYaml = (more: string) => ({ 'tenant.yaml': TENANT + more })

testRefusals([
  ['no tenant.yaml', { 'tenant.yaml': undefined }, ['tenant.yaml is missing; it names the tenant']],
  [
    'another apiVersion',
    { 'tenant.yaml': TENANT.replace('/v1', '/v2') },
    ['tenant.yaml:1:1 apiVersion: must be yizhan/v1'],
  ],
  [
    'an apiVersion that is a number',
    { 'tenant.yaml': TENANT.replace('yizhan/v1', '1') },
    ['tenant.yaml:1:1 apiVersion: must be yizhan/v1'],
  ],
  [
    'a key that tenant.yaml does not have',
    tenantYaml('colour: red\n'),
    [
      'tenant.yaml:5:1 colour: unknown key; known here: apiVersion, tenant, name, languages, persona, welcome, operatingPoint, timezone, encoder, handoff, aiMark, quotas, documentClasses, privacy, samples, messages',
    ],
  ],
  [
    'a persona that is not there, and nobody to hand off to',
    tenantYaml('persona: helpdesk\nhandoff: {}\n'),
    ['tenant.yaml:5:1 persona: there is no personas/helpdesk.md', 'tenant.yaml:6:1 handoff: is empty'],
  ],
  [
    'several things missing',
    { 'tenant.yaml': 'apiVersion: yizhan/v1\n' },
    ['tenant.yaml:1:1 needs “tenant”', 'tenant.yaml:1:1 needs “name”', 'tenant.yaml:1:1 needs “languages”'],
  ],
  [
    'a tenant name in capitals',
    { 'tenant.yaml': TENANT.replace('tenant: acme', 'tenant: Acme') },
    ['tenant.yaml:2:1 tenant: must be a name of at most 63 of a-z, 0-9 and -'],
  ],
  [
    'no languages',
    { 'tenant.yaml': TENANT.replace('[zh, en]', '[]') },
    ['tenant.yaml:4:1 languages: is empty'],
  ],
  [
    'a language twice, and one that is none',
    { 'tenant.yaml': TENANT.replace('[zh, en]', '[zh, en, Deutsch, zh]') },
    [
      'tenant.yaml:4:1 languages: entries 1 and 4 are the same',
      'tenant.yaml:4:21 languages.2: must be a language such as zh or en',
    ],
  ],
  ['an empty tenant.yaml', { 'tenant.yaml': '' }, ['tenant.yaml:1:1 must be a map, not empty']],
  [
    'a list at the top of each file',
    {
      'tenant.yaml': '- a\n',
      'intents/it.yaml': '- a\n',
      'knowledge.yaml': '- a\n',
      'tests/t.yaml': 'a: b\n',
    },
    [
      'intents/it.yaml:1:1 must map intent ids to intents, such as “it.vpn:” and below it ask and reply',
      'knowledge.yaml:1:1 must map names to knowledge, such as “travel: {files: [knowledge/travel-*.md]}”',
      'tenant.yaml:1:1 must be a map, not a list',
      'tests/t.yaml:1:1 must be a list of tests, such as “- {say: hello, expect: {by: edge}}”',
    ],
  ],
  [
    'a language of a sentence that the tenant does not speak',
    {
      ...tenantYaml('welcome: {text: {cn: 您好}}\nmessages: {refuse.overloaded: {fr: Non}}\n'),
      'intents/it.yaml': `${INTENT.replace('{zh: 好', '{cn: 好')}  offline: {de: Ja}\n`,
    },
    [
      'intents/it.yaml:5:11 it.vpn.reply.cn: is not one of the languages in tenant.yaml (zh, en)',
      'intents/it.yaml:6:13 it.vpn.offline.de: is not one of the languages in tenant.yaml (zh, en)',
      'tenant.yaml:5:18 welcome.text.cn: is not one of the languages in tenant.yaml (zh, en)',
      'tenant.yaml:6:32 messages.refuse.overloaded.fr: is not one of the languages in tenant.yaml (zh, en)',
    ],
  ],
  [
    'words for a sentence that the edge does not say, or with a placeholder that it does not fill',
    tenantYaml('messages:\n  no.such: hi\n  status.waits: {zh: "{tickets}", en: "{ticket}"}\n'),
    [
      'tenant.yaml:6:3 messages.no.such: is not the key of a built-in sentence',
      'tenant.yaml:7:3 messages.status.waits: there is no {ticket} in this sentence',
    ],
  ],
  [
    'a suggestion that is no intent',
    tenantYaml('welcome:\n  text: hi\n  suggest: [it.vpn, it.vnp]\n'),
    ['tenant.yaml:7:21 welcome.suggest.1: there is no intent named it.vnp; did you mean it.vpn?'],
  ],
])

test('problems of all files come at once, each once, and one wrong file makes no others', async () => {
  const told = linesOf(
    await problemsOf({
      'tenant.yaml': `${TENANT}colour: red\nwelcome: {text: hi, suggest: [it.vpn, it.wifi]}\n`,
      'intents/it.yaml': 'it.vpn:\n  ask: x\n  reply: [1]\n',
      'intents/broken.yaml': 'it.wifi: {ask: x\n',
      'knowledge.yaml': 'travel: [\n',
      'knowledge/t.md': '# T',
      'tests/t.yaml':
        '- {say: x, expect: {intent: it.wifi}}\n- {say: x, expect: {intent: it.vpn, colour: red}}\n',
    }),
  )
  assert.deepEqual(
    told.map((line) => line.split(' ')[0]),
    [
      'intents/broken.yaml:2:1',
      'intents/it.yaml:3:3',
      'knowledge.yaml:2:1',
      'tenant.yaml:5:1',
      'tests/t.yaml:2:37',
    ],
  )
})

test('a whole directory becomes the tenant file, examples, documents and tests', async () => {
  const source = await sourceOf({
    'tenant.yaml': `\ufeff${TENANT}welcome: {text: 您好, suggest: [it.vpn, travel]}\noperatingPoint: careful\nmessages: {refuse.overloaded: 忙}\n`,
    'intents/more.yaml':
      'a: {ask: xa, reply: 好}\nb: {ask: xb, reply: {text: {en: B}}}\nc: {ask: xc, reply: {skill: time}}\n' +
      'travel: {ask: xt, reply: {forward: {knowledge: [travel]}}, offline: {zh: 已记下}}\nall: {ask: xx, reply: {forward: {knowledge: []}}}\n',
    'knowledge.yaml':
      'travel: {files: [knowledge/travel-*.md, knowledge/deep/*.txt], class: internal, owner: finance}\n',
    'knowledge/travel-1.md': 'intro\n# 差旅 \ntext\n',
    'knowledge/deep/n.txt': 'no heading',
    'tests/t.yaml':
      '- {say: 怎么连, expect: {intent: it.vpn, by: edge, has: 好}}\n- {say: 股市, expect: {intent: oos}}\n',
    'README.md': '# not read',
    LICENSE: 'neither',
    '.git/HEAD': Buffer.from([0xff]),
    'knowledge/.draft.md': 'nor this',
  })
  const title = (ask: string) => ({ zh: ask, en: ask })
  assert.deepEqual(source.file, {
    format: 1,
    tenant: 'acme',
    name: { zh: '安科', en: 'Acme' },
    languages: ['zh', 'en'],
    operatingPoint: 'careful',
    welcome: {
      text: { zh: '您好' },
      suggest: [{ zh: '怎么连 VPN', en: 'How do I connect?' }, title('xt')],
    },
    messages: { 'refuse.overloaded': { zh: '忙' } },
    intents: {
      'it.vpn': {
        title: { zh: '怎么连 VPN', en: 'How do I connect?' },
        reply: { kind: 'text', text: { zh: '好', en: 'OK' } },
      },
      a: { title: title('xa'), reply: { kind: 'text', text: { zh: '好' } } },
      b: { title: title('xb'), reply: { kind: 'text', text: { en: 'B' } } },
      c: { title: title('xc'), reply: { kind: 'skill', skill: 'time' } },
      travel: {
        title: title('xt'),
        reply: { kind: 'forward', knowledge: ['travel'] },
        offline: { zh: '已记下' },
      },
      all: { title: title('xx'), reply: { kind: 'forward', knowledge: [] } },
    },
  })
  assert.deepEqual(source.examples.slice(0, 2), [
    { text: '怎么连 VPN', intent: 'it.vpn' },
    { text: 'How do I connect?', intent: 'it.vpn' },
  ])
  const classed = { knowledge: 'travel', class: 'internal' }
  assert.deepEqual(source.documents, [
    { ...classed, id: 'knowledge/travel-1.md', title: '差旅', text: 'intro\n# 差旅 \ntext\n' },
    { ...classed, id: 'knowledge/deep/n.txt', title: 'deep/n.txt', text: 'no heading' },
  ])
  assert.deepEqual(
    source.tests.map(({ say, expect }) => ({ say, expect })),
    [
      { say: '怎么连', expect: { intent: 'it.vpn', by: 'edge', has: '好' } },
      { say: '股市', expect: { intent: 'oos' } },
    ],
  )
  assert.equal(source.files.has('README.md'), false)
})

for (const dir of ['examples/acme', 'examples/clinic']) {
  test(`${dir} reads without a problem`, async () => {
    const result = await readTenant(
      await readTenantDirectory(fileURLToPath(new URL(`../../../${dir}`, import.meta.url))),
    )
    assert.deepEqual('problems' in result ? linesOf(result.problems) : [], [])
  })
}

test('the error tells places and messages in the language that was asked for, and no more than 200', async () => {
  const problems = await problemsOf({ 'tenant.yaml': `${TENANT}colour: red\n` })
  const error = tenantInvalid(problems, 'zh')
  assert.equal(error.code, 'tenant_invalid')
  assert.deepEqual(error.details.problems, [
    {
      path: 'tenant.yaml:5:1',
      line: 5,
      column: 1,
      message:
        'colour: 未知的键；这里可用：apiVersion、tenant、name、languages、persona、welcome、operatingPoint、timezone、encoder、handoff、aiMark、quotas、documentClasses、privacy、samples、messages',
    },
  ])
  const many = tenantInvalid(
    Array.from({ length: 300 }, () => ({ file: 'x', path: '', message: { en: 'a', zh: '甲' } })),
  )
  assert.match(many.message, /^300 problems .*first 200/)
  assert.equal((many.details.problems as unknown[]).length, 200)
})
