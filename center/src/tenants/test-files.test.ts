import { testRefusals } from './testing/directory.js'

testRefusals([
  [
    'an unknown intent beside something else',
    { 'tests/t.yaml': '- {say: hi, expect: {intent: no.such, by: cloud}}\n- 5\n' },
    [
      'tests/t.yaml:1:22 0.expect.intent: there is no intent named no.such',
      'tests/t.yaml:1:39 0.expect.by: must be one of edge, center, ask-back, not-edge',
      'tests/t.yaml:2:3 1: must be a map, not a number',
    ],
  ],
  [
    'a test that names an unknown intent',
    {
      'tests/t.yaml':
        '- {say: hi, expect: {intent: it.vpn}}\n- {say: hi, expect: {by: edge, intent: no.such}}\n',
    },
    ['tests/t.yaml:2:32 1.expect.intent: there is no intent named no.such'],
  ],
  [
    'tests that expect nothing, or something odd',
    { 'tests/t.yaml': '- {say: hi, expect: {}}\n- {say: hi}\n- {say: 5, expect: {by: cloud}}\n' },
    [
      'tests/t.yaml:1:13 0.expect: is empty',
      'tests/t.yaml:2:3 1: needs “expect”',
      'tests/t.yaml:3:4 2.say: must be text; YAML takes 5 for a number: put it in quotes',
      'tests/t.yaml:3:21 2.expect.by: must be one of edge, center, ask-back, not-edge',
    ],
  ],
])
