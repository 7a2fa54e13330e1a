import { toYizhanError, type YizhanError } from '../errors.js'
import type { ConfigChange, LoadedConfig } from './load.js'

export type Reload<T> =
  | { readonly s: 'unchanged' }
  /** `changes` says which settings differ and which of them wait for a restart. */
  | { readonly s: 'changed'; readonly config: LoadedConfig<T>; readonly changes: readonly ConfigChange[] }
  /** The new configuration is broken; the process goes on with what it has. */
  | { readonly s: 'kept'; readonly error: YizhanError }

/** Reads the configuration again in a running process. A broken one is an outcome here, while at start it is refused. */
export function reloadConfig<T>(current: LoadedConfig<T>, load: () => LoadedConfig<T>): Reload<T> {
  let next: LoadedConfig<T>
  try {
    next = load()
  } catch (thrown) {
    return { s: 'kept', error: toYizhanError(thrown) }
  }
  const changes = next.changesSince(current)
  return changes.length === 0 ? { s: 'unchanged' } : { s: 'changed', config: next, changes }
}
