import { parseDocument } from 'yaml'
import type { ObjectName } from './difference.js'
import type { ReadOptions } from './extract/index.js'
import { matchesGlob } from './glob.js'
import { keepEntries, namesAt, written, yamlMap } from './kept-entries.js'
import { keptIntents } from './kept-intents.js'
import { KEPT_INTENTS } from './problem.js'
import { relevantFiles, type TenantFiles } from './tenant-files.js'

export interface Effective {
  /** What shall be in force: the given directory, and what only the center has. */
  readonly files: TenantFiles
  /** Objects that are kept although the directory lacks them. */
  readonly kept: readonly ObjectName[]
}

const KNOWLEDGE = 'knowledge.yaml'

/**
 * The directory that an apply without `--prune` puts in force: nothing that is in force now is deleted by it (ADR 4). Tests
 * are the author's own and never in force, so only those of the given directory count. Bad YAML keeps nothing back: the
 * reader tells it.
 */
export async function withKept(
  before: TenantFiles,
  given: TenantFiles,
  options: ReadOptions = {},
): Promise<Effective> {
  const files = relevantFiles(given)
  if (before.size === 0) return { files, kept: [] }
  const kept: ObjectName[] = []
  const keep = (kind: ObjectName['kind'], names: readonly string[]) =>
    kept.push(...names.map((name) => ({ kind, name })))

  const intents = await keptIntents(before, files, options)
  if (intents.content) files.set(KEPT_INTENTS, intents.content)
  keep('intent', intents.ids)

  for (const [kind, pattern] of WHOLE_FILES) {
    for (const [path, content] of before) {
      const name = pattern.exec(path)?.[1]
      if (name === undefined || files.has(path) || isSuperseded(kind, name, content, files)) continue
      files.set(path, content)
      keep(kind, [name])
    }
  }
  keep('channel', keepMap(before, files, 'channels.yaml', []))
  keep('handoff', keepMap(before, files, 'tenant.yaml', ['handoff']))
  keepKnowledge(before, files, keep)
  return { files: new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1))), kept }
}

const WHOLE_FILES: readonly (readonly [ObjectName['kind'], RegExp])[] = [
  ['card', /^cards\/(.+)\.yaml$/],
  ['persona', /^personas\/(.+)\.md$/],
  ['task', /^tasks\/(.+)\.json$/],
  ['site', /^(sites\.csv)$/],
]

/** A persona that tenant.yaml no longer names, a task that stands in a file of another name: nothing of it is lost. */
function isSuperseded(
  kind: ObjectName['kind'],
  name: string,
  content: Uint8Array,
  files: TenantFiles,
): boolean {
  if (kind === 'persona') {
    const persona: unknown = yamlMap(files, 'tenant.yaml')?.get('persona')
    return typeof persona !== 'string' || (name !== persona && !name.startsWith(`${persona}.`))
  }
  if (kind !== 'task') return false
  const id = taskIdOf(content)
  return [...files].some(([path, other]) => path.startsWith('tasks/') && taskIdOf(other) === id)
}

function taskIdOf(content: Uint8Array): unknown {
  return parseDocument(new TextDecoder().decode(content)).get('task_id')
}

/** Entries of a map in a file; a file that is gone is kept whole. */
function keepMap(
  before: TenantFiles,
  files: Map<string, Uint8Array>,
  path: string,
  at: readonly string[],
): string[] {
  const old = yamlMap(before, path)
  const content = before.get(path)
  if (!files.has(path) && content) {
    files.set(path, content)
    return namesAt(old, at)
  }
  const now = yamlMap(files, path)
  const names = keepEntries(now, old, at)
  if (now && names.length > 0) files.set(path, written(now))
  return names
}

/** Documents, each in a knowledge: one that the directory gives to it, else its former one. */
function keepKnowledge(
  before: TenantFiles,
  files: Map<string, Uint8Array>,
  keep: (kind: ObjectName['kind'], names: readonly string[]) => void,
): void {
  const gone = [...before].filter(([path]) => path.startsWith('knowledge/') && !files.has(path))
  const old = yamlMap(before, KNOWLEDGE)
  const content = before.get(KNOWLEDGE)
  if (!files.has(KNOWLEDGE)) {
    if (!content) return
    files.set(KNOWLEDGE, content)
    keep('knowledge', namesAt(old, []))
    for (const [path, bytes] of gone) files.set(path, bytes)
    keep(
      'document',
      gone.map(([path]) => path),
    )
    return
  }
  const now = yamlMap(files, KNOWLEDGE)
  if (!now || !old) return
  const entries = patternsOf(now.toJS())
  const former = patternsOf(old.toJS())
  const changed = new Map<string, string[]>()
  for (const [path, bytes] of gone) {
    files.set(path, bytes)
    keep('document', [path])
    if (ownerOf(entries, path) !== undefined) continue
    const owner = ownerOf(former, path)
    if (owner !== undefined) changed.set(owner, [...(changed.get(owner) ?? []), path])
  }
  // A knowledge whose documents all belong to others now has been renamed: it has nothing left to keep.
  for (const [name, paths] of changed) {
    if (entries.has(name)) now.setIn([name, 'files'], [...(entries.get(name) ?? []), ...paths])
    else {
      now.set(name, now.createNode({ ...entryOf(old.toJS(), name), files: paths }))
      keep('knowledge', [name])
    }
  }
  if (changed.size > 0) files.set(KNOWLEDGE, written(now))
}

function entryOf(value: unknown, name: string): Record<string, unknown> {
  const entry: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
  return typeof entry === 'object' && entry !== null ? { ...entry } : {}
}

function patternsOf(value: unknown): Map<string, string[]> {
  const names = typeof value === 'object' && value !== null ? Object.keys(value) : []
  return new Map(
    names.map((name) => {
      const { files } = entryOf(value, name)
      return [name, Array.isArray(files) ? files.filter((file) => typeof file === 'string') : []]
    }),
  )
}

function ownerOf(entries: ReadonlyMap<string, readonly string[]>, path: string): string | undefined {
  for (const [name, patterns] of entries) {
    if (patterns.some((pattern) => matchesGlob(pattern, path))) return name
  }
  return undefined
}
