import type { Entry } from '../testing/corpus.js'

export const TASKS_AND_TESTS: readonly Entry[] = [
  {
    what: 'a schedule that is none',
    files: { 'tasks/daily.json': '{"task_id": "daily", "schedule": "every day", "command": {"type": "x"}}' },
    problems: [
      [
        'tasks/daily.json:1:22 schedule: must be a cron schedule of five fields (minute hour day month weekday), such as 0 9 * * *',
        'tasks/daily.json:1:22 schedule: 应为五段的 cron 表达式（分 时 日 月 周），例如 0 9 * * *',
      ],
    ],
  },
  {
    what: 'a schedule that never comes',
    files: { 'tasks/daily.json': '{"task_id": "daily", "schedule": "0 9 30 2 *", "command": {"type": "x"}}' },
    problems: [
      ['tasks/daily.json:1:22 schedule: never comes', 'tasks/daily.json:1:22 schedule: 永远不会到来'],
    ],
  },
  {
    what: 'a task for a channel that is not there',
    files: {
      'tasks/daily.json':
        '{"task_id": "daily", "schedule": "0 9 * * *", "command": {"type": "x"}, "notify_channels": ["feishu"]}',
    },
    problems: [
      [
        'tasks/daily.json:1:93 notify_channels.0: there is no channel feishu; known: web, mqtt',
        'tasks/daily.json:1:93 notify_channels.0: 没有名为 feishu 的渠道；已有：web、mqtt',
      ],
    ],
  },
  {
    what: 'a mistyped key of a task',
    files: {
      'tasks/daily.json':
        '{\n  "task_id": "daily",\n  "schedul": "0 9 * * *",\n  "command": {"type": "x"}\n}',
    },
    problems: [
      ['tasks/daily.json:1:1 needs “schedule”', 'tasks/daily.json:1:1 缺少“schedule”'],
      [
        'tasks/daily.json:3:3 schedul: unknown key; did you mean schedule? Known here: task_id, schedule, command, notify_channels, timezone, misfire',
        'tasks/daily.json:3:3 schedul: 未知的键，是不是 schedule？这里可用：task_id、schedule、command、notify_channels、timezone、misfire',
      ],
    ],
  },
  {
    what: 'a task that is no JSON',
    files: { 'tasks/daily.json': '{"task_id": "daily",\n' },
    problems: [
      [
        'tasks/daily.json:2:1 something is missing here: a colon, a quote, a comma or a bracket',
        'tasks/daily.json:2:1 这里缺少字符：冒号、引号、逗号或括号',
      ],
    ],
  },
  {
    what: 'a task that is YAML and no JSON',
    files: {
      'tasks/daily.json': '{"task_id": "daily", "schedule": "0 9 * * *", "command": {"type": "x"},}',
    },
    problems: [
      [
        'tasks/daily.json is no JSON: keys and texts need double quotes, no comments, no comma before a closing bracket',
        'tasks/daily.json 不是 JSON：键和文本需用双引号，不能有注释，右括号前不能有逗号',
      ],
    ],
  },
  {
    what: 'a task twice',
    files: {
      'tasks/a.json': '{"task_id": "daily", "schedule": "0 9 * * *", "command": {"type": "x"}}',
      'tasks/b.json': '{"task_id": "daily", "schedule": "0 9 * * *", "command": {"type": "x"}}',
    },
    problems: [
      [
        'tasks/b.json:1:2 task_id: stands already in tasks/a.json',
        'tasks/b.json:1:2 task_id: 已在 tasks/a.json 中定义',
      ],
    ],
  },
  {
    what: 'a task, which this version does not run',
    files: {
      'tasks/daily.json':
        '{"task_id": "daily", "schedule": "0 9 * * *", "command": {"type": "x"}, "notify_channels": ["web"]}',
    },
    warnings: [
      [
        'tasks/daily.json this version does not run tasks yet; the file is kept',
        'tasks/daily.json 本版本尚不执行定时任务；该文件会保留',
      ],
    ],
  },
  {
    what: 'a test of an intent that is not there',
    files: { 'tests/t.yaml': '- {say: 怎么连, expect: {intent: it.vnp}}\n' },
    problems: [
      [
        'tests/t.yaml:1:23 0.expect.intent: there is no intent named it.vnp; did you mean it.vpn?',
        'tests/t.yaml:1:23 0.expect.intent: 没有名为 it.vnp 的意图，是不是 it.vpn？',
      ],
    ],
  },
  {
    what: 'a test of a card that is not there',
    files: { 'tests/t.yaml': '- {say: 怎么连, expect: {card: password}}\n' },
    problems: [
      [
        'tests/t.yaml:1:23 0.expect.card: there is no cards/password.yaml',
        'tests/t.yaml:1:23 0.expect.card: 没有 cards/password.yaml',
      ],
    ],
  },
  {
    what: 'a test that expects nothing',
    files: { 'tests/t.yaml': '- {say: 怎么连, expect: {}}\n' },
    problems: [['tests/t.yaml:1:14 0.expect: is empty', 'tests/t.yaml:1:14 0.expect: 不能为空']],
  },
  {
    what: 'a test that says a number',
    files: { 'tests/t.yaml': '- {say: 110, expect: {by: edge}}\n' },
    problems: [
      [
        'tests/t.yaml:1:4 0.say: must be text; YAML takes 110 for a number: put it in quotes',
        'tests/t.yaml:1:4 0.say: 应为文本；YAML 会把 110 当作数字，请加引号',
      ],
    ],
  },
]
