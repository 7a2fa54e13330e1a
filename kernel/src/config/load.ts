import { stringify } from 'yaml'
import { canonicalJson } from '../json.js'
import type { ConfigCompiler } from './compile.js'
import { type Environment, readEnvironment } from './env.js'
import { MergedConfig } from './merge.js'
import { type ConfigOrigin, type ConfigProblem, configInvalid } from './problem.js'
import { type ConfigField, isMap } from './schema.js'
import { listDropIns, readConfigFile } from './yaml-file.js'

export interface ConfigSources {
  /** A YAML file; must exist if it is named. */
  readonly file?: string | undefined
  /** Its `*.yaml` files are laid over `file` in name order; need not exist. */
  readonly dropInDir?: string | undefined
  readonly env: Environment
  /** Settings by nesting, as the schema has them; undefined counts as not given. */
  readonly flags: Readonly<Record<string, unknown>>
  /** `YIZHAN_` names (or `NAME*`) that are not settings although they look like it. */
  readonly ignoreEnv?: readonly string[] | undefined
}

export interface ConfigEntry {
  readonly path: string
  /** Redacted; undefined: not set. */
  readonly value: unknown
  readonly origin: ConfigOrigin
}

export interface ConfigChange {
  readonly path: string
  readonly restart: boolean
}

export interface LoadedConfig<T> {
  /** Deep-frozen; its objects have no prototype, so maps keyed by people hold only what was written. */
  readonly value: T
  origin(path: string): ConfigOrigin
  /** `value` with secrets replaced. */
  redacted(): unknown
  /** Every setting in schema order, redacted. */
  entries(): ConfigEntry[]
  /** The settings that differ from those of `before`. */
  changesSince(before: LoadedConfig<T>): ConfigChange[]
  /** What the files said, merged, as YAML (secrets included); for `lastKnownGood`. */
  readonly fileText: string
}

/**
 * Reads and merges the sources (flag over environment over drop-ins over file over default). Throws
 * `config_invalid` with every problem of every source by path, and never with a value.
 */
export function loadConfig<T>(compiler: ConfigCompiler<T>, sources: ConfigSources): LoadedConfig<T> {
  const merged = new MergedConfig()
  const problems: ConfigProblem[] = []
  const dropIns = listDropIns(sources.dropInDir ?? '')
  problems.push(...dropIns.problems)
  for (const file of [...(sources.file ? [sources.file] : []), ...dropIns.files]) {
    const read = readConfigFile(file)
    if (read.ok) merged.add(compiler.schema, read.value, `file ${file}`)
    else problems.push(...read.problems)
  }
  const fileText = stringify(merged.value, { aliasDuplicateObjects: false })
  const fromEnv = readEnvironment(compiler.schema, compiler.fields, sources.env, sources.ignoreEnv ?? [])
  problems.push(...fromEnv.problems)
  for (const { field, name, value } of fromEnv.settings) {
    merged.add(compiler.schema, nest(field.keys, value), `env ${name}`)
  }
  merged.add(compiler.schema, sources.flags, 'flag')
  problems.push(...merged.problems)
  const checked = compiler.check(merged.value)
  if (!checked.ok) problems.push(...checked.problems.map((problem) => withOrigin(problem, merged)))
  if (!checked.ok || problems.length > 0) throw configInvalid(withoutEchoes(problems))
  return loaded(compiler, checked.value, merged, fileText)
}

function loaded<T>(
  compiler: ConfigCompiler<T>,
  value: T,
  merged: MergedConfig,
  fileText: string,
): LoadedConfig<T> {
  return {
    value,
    fileText,
    origin: (path) => merged.origin(path),
    redacted: () => compiler.redact(value),
    entries() {
      const shown = compiler.redact(value)
      return compiler.fields.map((field) => ({
        path: field.path,
        value: settingIn(field, shown),
        origin: merged.origin(field.path),
      }))
    },
    changesSince: (before) =>
      compiler.fields
        .filter((field) => written(settingIn(field, value)) !== written(settingIn(field, before.value)))
        .map(({ path, restart }) => ({ path, restart })),
  }
}

function written(value: unknown): string {
  return value === undefined ? '' : canonicalJson(value)
}

function settingIn(field: ConfigField, value: unknown): unknown {
  return field.keys.reduce<unknown>((at, key) => (isMap(at) ? at[key] : undefined), value)
}

function nest(keys: readonly string[], value: unknown): Record<string, unknown> {
  const [key = '', ...rest] = keys
  return { [key]: rest.length === 0 ? value : nest(rest, value) }
}

function withOrigin(problem: ConfigProblem, merged: MergedConfig): ConfigProblem {
  const origin = merged.origin(problem.path)
  return origin === 'default' ? problem : { ...problem, origin }
}

/** A setting that could not be read from its variable is missing too; the first complaint is enough. */
function withoutEchoes(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const seen = new Set<string>()
  return problems.filter((problem) => {
    if (problem.message === 'is required' && seen.has(problem.path)) return false
    seen.add(problem.path)
    return true
  })
}
