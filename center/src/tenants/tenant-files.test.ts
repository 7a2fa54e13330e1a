import { INTENT, TENANT, testRefusals } from './testing/directory.js'

testRefusals([
  [
    'bytes that are not UTF-8',
    {
      'intents/it.yaml': Buffer.from('it.vpn: {ask: \xff}', 'latin1'),
      'tests/t.yaml': '- {say: a, expect: {intent: it.vpn}}\n',
    },
    ['intents/it.yaml is not UTF-8'],
  ],
  [
    'a file of more than 1 MiB',
    { 'knowledge.yaml': 'a: {files: [knowledge/a.md]}\n', 'knowledge/a.md': 'x'.repeat(1024 * 1024 + 1) },
    ['knowledge/a.md is larger than 1 MiB; split it'],
  ],
  [
    'too much as a whole',
    Object.fromEntries(
      Array.from({ length: 25 }, (_, i) => [`knowledge/${i}.md`, Buffer.alloc(1024 * 1024, 32)]),
    ),
    ['. is too large: more than 2000 files or 24 MiB'],
  ],
  [
    'files of no tenant directory',
    { 'tenant.yml': TENANT, 'intents/deep/x.yaml': INTENT, 'cards/p.json': '{}', 'knowledge/a.pptx': 'PK' },
    [
      'cards/p.json is no file of a tenant directory; rename or remove it',
      'intents/deep/x.yaml is no file of a tenant directory; rename or remove it',
      'knowledge/a.pptx is no file of a tenant directory; rename or remove it',
      'tenant.yml is no file of a tenant directory; did you mean tenant.yaml?',
    ],
  ],
  [
    'paths that are not below the directory',
    {
      '/etc/passwd': 'x',
      '../x.yaml': 'x',
      'knowledge/../../x.md': 'x',
      'knowledge//x.md': 'x',
      'knowledge\\x.md': 'x',
      'knowledge/a\u0000.md': 'x',
      [`knowledge/${'驿'.repeat(170)}.md`]: 'x',
    },
    [
      '../x.yaml',
      '/etc/passwd',
      'knowledge/../../x.md',
      'knowledge//x.md',
      'knowledge/a?.md',
      `knowledge/${'驿'.repeat(170)}.md`,
      'knowledge\\x.md',
    ].map((path) => `${path} is not a path below the tenant directory of at most 500 bytes`),
  ],
])
