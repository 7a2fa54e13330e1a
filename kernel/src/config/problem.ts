import { YizhanError } from '../errors.js'

/** Where a setting's value comes from. */
export type ConfigOrigin = 'flag' | 'default' | `env ${string}` | `file ${string}`

/** One refused thing. `message` says what is asked for and never repeats what was given. */
export interface ConfigProblem {
  /** A setting (`uplink.drainMs`, `listeners[0].port`), a variable's name, or a file with line and column. */
  readonly path: string
  readonly message: string
  /** Where the refused value came from, when it is a setting's. */
  readonly origin?: ConfigOrigin
}

/** `config_invalid` with all of these in `details.problems`. */
export function configInvalid(problems: readonly ConfigProblem[]): YizhanError {
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`
  return new YizhanError('config_invalid', `the configuration has ${count}`, {
    details: { problems },
    hint: 'nothing was changed; `config check` repeats this list and `config schema` shows every setting',
  })
}

const PLAIN_KEY = /^[\p{L}\p{N}_./-]{1,64}$/u
const PLAIN_START = /^[\p{L}\p{N}_-]{0,64}/u

/** `base` extended by a key, in the form in which problems name settings. */
export function joinPath(base: string, key: string | number): string {
  if (typeof key === 'number') return `${base}[${key}]`
  // A key of another form may be a mistyped line with its value in it (`password:1234`): only its start is shown.
  const shown = PLAIN_KEY.test(key) ? key : `${PLAIN_START.exec(key)?.[0] ?? ''}…`
  return base === '' ? shown : `${base}.${shown}`
}
