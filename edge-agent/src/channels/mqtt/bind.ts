import { isLoopback, YizhanError } from '@yizhan/kernel'

export type AuthMode = 'open' | 'password'

/** Throws `config_invalid` if anyone on the network could walk in: open access binds to loopback addresses only. */
export function refuseOpenBind(mode: AuthMode, host: string, setting: string): void {
  if (mode === 'password' || isLoopback(host)) return
  throw new YizhanError('config_invalid', `${setting} is no loopback address, but mqtt.auth.mode is open`, {
    hint: `set mqtt.auth.mode: password and mqtt.auth.users, or ${setting}: 127.0.0.1`,
  })
}
