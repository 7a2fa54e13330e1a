import { parseJson } from '@yizhan/kernel'
import { Cron } from 'croner'
import type { ReadChannels } from './channels.js'
import { isTimezone, NO_TIMEZONE } from './opening-hours.js'
import type { Told, Wording } from './problem.js'
import { TaskJson } from './schema/index.js'
import type { Texts } from './tenant-files.js'
import { isMap, parseYaml, schemaCheck, type YamlDocument } from './yaml/index.js'

/** A scheduled task, as its file says. */
export type TenantTask = TaskJson

const isTask = schemaCheck(TaskJson)

/** Reads `tasks/*.json`. JSON is YAML, so that problems have their line and column. */
export function readTasks(texts: Texts, channels: ReadChannels, told: Told): TenantTask[] {
  const tasks: TenantTask[] = []
  const firstFile = new Map<string, string>()
  for (const [file, text] of texts) {
    if (!file.startsWith('tasks/') || text === undefined) continue
    const document = parseYaml(file, text, told.problems)
    if (!document) continue
    if (!isJson(text)) told.problems.push({ file, path: '', message: NO_JSON })
    const { value } = document
    checkBeyondSchema(document, channels, told)
    if (!isTask(document, [], value, told.problems)) continue
    const first = firstFile.get(value.task_id)
    if (first !== undefined) told.problems.push(document.at(['task_id'], twice(first)))
    firstFile.set(value.task_id, first ?? file)
    tasks.push(value)
    told.warnings.push({ file, path: '', message: NOT_FIRED })
  }
  return tasks
}

/** Other programs read these files too, and not all that is YAML. */
function isJson(text: string): boolean {
  try {
    parseJson(text)
    return true
  } catch {
    return false
  }
}

function checkBeyondSchema(document: YamlDocument, channels: ReadChannels, told: Told): void {
  const value = isMap(document.value) ? document.value : {}
  const { schedule, timezone, notify_channels: names } = value
  const isZone = typeof timezone === 'string' && isTimezone(timezone)
  if (typeof timezone === 'string' && !isZone) told.problems.push(document.at(['timezone'], NO_TIMEZONE))
  const wrong = typeof schedule === 'string' && schedule.trim() !== '' ? wrongSchedule(schedule) : undefined
  if (wrong) told.problems.push(document.at(['schedule'], wrong))
  for (const [i, name] of (Array.isArray(names) ? (names as unknown[]) : []).entries()) {
    const missing = typeof name === 'string' ? channels.missing(name) : undefined
    if (missing) told.problems.push(document.at(['notify_channels', i], missing))
  }
}

/** Five fields and no more: the seconds and years that the library also takes are not in the format. */
function wrongSchedule(schedule: string): Wording | undefined {
  if (schedule.trim().split(/\s+/).length !== 5) return FIVE_FIELDS
  try {
    const cron = new Cron(schedule, { paused: true, timezone: 'UTC' })
    return cron.nextRun() === null ? NEVER : undefined
  } catch {
    return FIVE_FIELDS
  }
}

function twice(file: string): Wording {
  return { en: `stands already in ${file}`, zh: `已在 ${file} 中定义` }
}

const NO_JSON: Wording = {
  en: 'is no JSON: keys and texts need double quotes, no comments, no comma before a closing bracket',
  zh: '不是 JSON：键和文本需用双引号，不能有注释，右括号前不能有逗号',
}
const FIVE_FIELDS: Wording = {
  en: 'must be a cron schedule of five fields (minute hour day month weekday), such as 0 9 * * *',
  zh: '应为五段的 cron 表达式（分 时 日 月 周），例如 0 9 * * *',
}
const NEVER: Wording = { en: 'never comes', zh: '永远不会到来' }
const NOT_FIRED: Wording = {
  en: 'this version does not run tasks yet; the file is kept',
  zh: '本版本尚不执行定时任务；该文件会保留',
}
