import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import { systemCode } from '../storage-error.js'
import type { ConfigProblem } from './problem.js'
import { isMap } from './schema.js'

const MAX_BYTES = 1024 * 1024

export type ConfigText =
  | { readonly ok: true; readonly value: Record<string, unknown> }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] }

/** Reads one config file: UTF-8 YAML of at most 1 MiB, a map at the top. Problems name file, line and column. */
export function readConfigFile(path: string): ConfigText {
  let bytes: Buffer
  try {
    if (statSync(path).size > MAX_BYTES) return refuse(path, 'is larger than 1 MiB')
    bytes = readFileSync(path)
  } catch (thrown) {
    return refuse(path, `cannot be read (${systemCode(thrown)})`)
  }
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return refuse(path, 'is not UTF-8')
  }
  return parseConfigText(text, path)
}

/** The `*.yaml` files of a drop-in directory in name order; none if there is no such directory. */
export function listDropIns(directory: string): { files: string[]; problems: ConfigProblem[] } {
  try {
    const names = readdirSync(directory).filter((name) => name.endsWith('.yaml') && !name.startsWith('.'))
    return { files: names.sort().map((name) => join(directory, name)), problems: [] }
  } catch (thrown) {
    const code = systemCode(thrown)
    return {
      files: [],
      problems: code === 'ENOENT' ? [] : [{ path: directory, message: `cannot be read (${code})` }],
    }
  }
}

/** As `readConfigFile`, from text; `name` is the file's in problems. */
export function parseConfigText(text: string, name: string): ConfigText {
  const lines = new LineCounter()
  // Without prettyErrors the library's messages quote no source lines; those that still quote a token are not used.
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    logLevel: 'silent',
  })
  const problems = [...document.errors, ...document.warnings].map((error) => {
    const { line, col } = lines.linePos(error.pos[0])
    return { path: `${name}:${line}:${col}`, message: YAML_MESSAGES[error.code] ?? 'is not valid YAML here' }
  })
  if (problems.length > 0) return { ok: false, problems }
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 50 })
  } catch {
    return refuse(name, 'uses aliases that are unknown or too many')
  }
  if (value === null || value === undefined) return { ok: true, value: {} }
  return isMap(value)
    ? { ok: true, value }
    : refuse(name, 'must be a map of settings (a space belongs after each colon)')
}

function refuse(path: string, message: string): ConfigText {
  return { ok: false, problems: [{ path, message }] }
}

const YAML_MESSAGES: Readonly<Record<string, string>> = {
  ALIAS_PROPS: 'an alias cannot have a tag or an anchor',
  BAD_ALIAS: 'the alias is not well formed',
  BAD_COLLECTION_TYPE: 'the collection does not fit its tag',
  BAD_DQ_ESCAPE: 'the double-quoted text has an unknown escape',
  BAD_INDENT: 'the indentation does not fit the lines around it',
  BAD_SCALAR_START: 'text cannot start with this character; put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a block cannot start on the line of another key',
  BLOCK_IN_FLOW: 'a block cannot stand inside brackets',
  DUPLICATE_KEY: 'the key appears twice',
  MISSING_CHAR: 'a character is missing (a colon, a quote, a comma or a bracket)',
  MULTILINE_IMPLICIT_KEY: 'a key must stand on one line; is a space missing after a colon?',
  MULTIPLE_DOCS: 'a second document starts here',
  NON_STRING_KEY: 'a key must be text',
  TAB_AS_INDENT: 'tabs cannot indent; use spaces',
  TAG_RESOLVE_FAILED: 'the tag is unknown',
  UNEXPECTED_TOKEN: 'this does not belong here',
}
