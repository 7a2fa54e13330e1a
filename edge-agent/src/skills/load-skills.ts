import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Clock, type Logger, YizhanError } from '@yizhan/kernel'
import { COMMAND_NAMES } from './commands.js'
import { adapted, messageOf, type OwnSkill } from './own-skill.js'
import type { Skill } from './skill.js'

export interface LoadSkillsDeps {
  readonly log: Logger
  readonly clock: Pick<Clock, 'after'>
}

/** How long a file may take to load. */
const LOAD_MS = 10_000
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/

/**
 * The skills in the `*.mjs` of a directory, by file name. They run in this process, with all that it may do. Throws
 * `config_invalid` with every file that is no skill, and why.
 */
export async function loadSkills(deps: LoadSkillsDeps, dir: string | undefined): Promise<Skill[]> {
  if (dir === undefined) return []
  const files = await filesOf(dir)
  const skills = new Map<string, { readonly file: string; readonly skill: Skill }>()
  const problems: { path: string; message: string }[] = []
  for (const file of files) {
    const loaded = await load(deps, path.join(dir, file))
    if ('wrong' in loaded) {
      problems.push({ path: file, message: loaded.wrong })
      continue
    }
    const { own } = loaded
    const taken = COMMAND_NAMES.has(own.name) ? 'a built-in skill' : skills.get(own.name)?.file
    if (taken !== undefined) {
      problems.push({ path: file, message: `the name ${own.name} is taken by ${taken}` })
    } else {
      skills.set(own.name, { file, skill: adapted(own, deps.log) })
    }
  }
  if (problems.length > 0) throw invalid(dir, problems)
  deps.log.info({ skills: [...skills.keys()], dir }, 'skills of this edge')
  return [...skills.values()].map(({ skill }) => skill)
}

async function filesOf(dir: string): Promise<string[]> {
  try {
    const names = await readdir(dir)
    return names.filter((name) => name.endsWith('.mjs') && !name.startsWith('.')).sort()
  } catch (cause) {
    throw new YizhanError('config_invalid', `skills.dir cannot be read: ${messageOf(cause)}`, { cause })
  }
}

type Loaded = { readonly own: OwnSkill } | { readonly wrong: string }

async function load({ clock }: LoadSkillsDeps, file: string): Promise<Loaded> {
  let cancel: () => void = () => undefined
  const late = new Promise<never>((_resolve, reject) => {
    const error = new Error(`did not finish loading within ${LOAD_MS / 1_000} s`)
    cancel = clock.after(LOAD_MS, () => reject(error))
  })
  try {
    const imported: unknown = await Promise.race([import(pathToFileURL(file).href), late])
    return skillIn(imported)
  } catch (thrown) {
    return { wrong: messageOf(thrown) }
  } finally {
    cancel()
  }
}

function skillIn(imported: unknown): Loaded {
  const own = member(imported, 'default')
  if (own === undefined) return { wrong: 'has no default export' }
  const name = member(own, 'name')
  const answer = member(own, 'answer')
  if (typeof name !== 'string' || !NAME.test(name)) {
    return { wrong: 'name is missing, or not 1 to 63 of A-Z a-z 0-9 . _ -' }
  }
  if (typeof answer !== 'function') return { wrong: 'answer is not a function' }
  // Bound, so that a skill may be an object with state.
  return { own: { name, answer: (...args) => Reflect.apply(answer, own, args) } }
}

function member(value: unknown, key: string): unknown {
  const holds = (typeof value === 'object' && value !== null) || typeof value === 'function'
  return holds ? Reflect.get(value, key) : undefined
}

function invalid(dir: string, problems: readonly { path: string; message: string }[]): YizhanError {
  const told = problems.map(({ path: file, message }) => `${file}: ${message}`).join('; ')
  return new YizhanError('config_invalid', `skills.dir ${dir}: ${told}`, {
    details: { problems },
    hint: 'docs/reference/skills.md says what a skill is',
  })
}
