import { type Static, Type } from '@sinclair/typebox'
import { about, Closed, choice, Line, line, timezone } from './basics.js'

/** `tasks/*.json`. */
export const TaskJson = Type.Object(
  {
    task_id: Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]{0,119}$',
      wants: {
        en: 'an id of at most 120 letters, digits, _, - and .',
        zh: '至多 120 个字母、数字、_、-、. 组成的 id',
      },
      ...about('Id of the task', '任务 id'),
    }),
    schedule: line('cron: minute hour day month weekday', 'cron：分 时 日 月 周'),
    command: Type.Object(
      {
        type: line('What is done, such as model_inference', '执行的操作，例如 model_inference'),
        params: Type.Optional(
          Type.Record(Type.String(), Type.Unknown(), about('For the command', '操作的参数')),
        ),
      },
      Closed,
    ),
    notify_channels: Type.Optional(
      Type.Array(Line, { uniqueItems: true, ...about('Names in channels.yaml', 'channels.yaml 中的名称') }),
    ),
    timezone: Type.Optional(timezone('Time zone of the schedule', '计划所用的时区')),
    misfire: Type.Optional(
      choice(
        ['run_once', 'skip'],
        'A time that was missed: run once afterwards (run_once, the default) or not at all (skip)',
        '错过的执行：补执行一次（run_once，默认）或跳过（skip）',
      ),
    ),
  },
  { ...Closed, ...about('A scheduled task', '定时任务') },
)
export type TaskJson = Static<typeof TaskJson>
