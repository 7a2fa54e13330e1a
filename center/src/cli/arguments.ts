import { asTenantId, type CliIo, type CliText, YizhanError } from '@yizhan/kernel'
import type { Command } from 'commander'
import { type CenterCall, inPath } from './center-call.js'

/** `-f DIR`. An empty one, such as a shell variable that is not set, is refused: it would mean where one stands. */
export function requireDirectory(command: Command, io: CliIo): Command {
  return command.requiredOption(
    '-f, --file <dir>',
    io.say({ en: 'the tenant directory', zh: '租户目录' }),
    nonEmpty(io),
  )
}

/** For options that name a file or a directory. Throws `invalid_argument`. */
export function nonEmpty(io: CliIo): (text: string) => string {
  return (text) => {
    if (text !== '') return text
    throw new YizhanError('invalid_argument', io.say({ en: 'the path is empty', zh: '路径为空' }))
  }
}

/**
 * For what cannot be undone: wants `--yes`, or the name of its object again as `--name`. Throws `invalid_argument`; `what` says
 * what cannot be taken back.
 */
export function requireConfirmed(
  io: CliIo,
  name: string,
  given: { readonly yes?: boolean; readonly name?: string },
  what: CliText,
): void {
  if (given.yes === true || given.name === name) return
  throw new YizhanError('invalid_argument', io.say(what), {
    hint: io.say({ en: `add --yes, or --name ${name}`, zh: `加上 --yes，或 --name ${name}` }),
  })
}

/** For `--tenant`. Throws `invalid_argument`. */
export function tenantId(io: CliIo, hint?: CliText): (text: string) => string {
  return (text) => {
    const id = asTenantId(text)
    if (id) return id
    const shown = text === '' ? '""' : text
    throw new YizhanError(
      'invalid_argument',
      io.say({
        en: `${shown} is no tenant id: a-z, 0-9 and -, at most 63`,
        zh: `${shown} 不能用作租户 id：只能含 a-z、0-9 和 -，最多 63 个字符`,
      }),
      hint ? { hint: io.say(hint) } : {},
    )
  }
}

/** Asks for what stands below a tenant, such as `/files`. Throws `not_found` in the reader's language. */
export async function ofTenant<T>(
  { io, call, command }: { readonly io: CliIo; readonly call: CenterCall; readonly command: Command },
  tenant: string,
  below: string,
  options?: Parameters<CenterCall>[4],
): Promise<T> {
  try {
    return await call<T>(command, 'GET', `/v1/tenants/${inPath(tenant)}${below}`, undefined, options)
  } catch (thrown) {
    if (!(thrown instanceof YizhanError) || thrown.code !== 'not_found') throw thrown
    throw new YizhanError(
      'not_found',
      io.say({ en: `no tenant ${tenant} has been applied`, zh: `尚未应用过租户 ${tenant}` }),
      { cause: thrown.cause, hint: 'yizhan-center tenant list' },
    )
  }
}
