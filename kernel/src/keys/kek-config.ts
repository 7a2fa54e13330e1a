import { type Static, Type } from '@sinclair/typebox'
import type { Clock } from '../clock.js'
import { YizhanError } from '../errors.js'
import { commandKek } from './command-kek.js'
import type { KekProvider } from './kek-provider.js'
import { credentialKek, envKek, fileKek } from './local-kek.js'
import { keyStoreIsEmpty } from './store-files.js'

/** Where the key-encryption key is; the same settings at the center and at an edge. */
export const KekConfig = Type.Object(
  {
    provider: Type.Union(
      [Type.Literal('file'), Type.Literal('env'), Type.Literal('systemd-creds'), Type.Literal('command')],
      { default: 'file', restart: true },
    ),
    /** `file`: its path; default `kek` in the state directory. Best on another disk or a mount of its own. */
    file: Type.Optional(Type.String({ minLength: 1, restart: true })),
    /** `env`: lines of `epoch base64(32 bytes)`, by the variable of this setting or its `_FILE`. */
    value: Type.Optional(Type.String({ minLength: 1, secret: true, restart: true })),
    /** `systemd-creds`: the credential's name in the unit (`LoadCredentialEncrypted=`). */
    credential: Type.String({ minLength: 1, default: 'yizhan-kek', restart: true }),
    /** `command`: program and arguments of a KMS or a certified module. */
    command: Type.Array(Type.String({ minLength: 1 }), { default: [], restart: true }),
  },
  { additionalProperties: false, default: {} },
)
export type KekConfig = Static<typeof KekConfig>

/** The provider that the settings name. Throws `config_invalid`, and what the provider throws. */
export async function openKek(
  config: KekConfig,
  place: {
    /** Of `file` without a path of its own. */
    readonly defaultFile: string
    /** The key store's directory: only while it is empty a missing file is made; undefined: never. */
    readonly keysDir: string | undefined
    /** `$CREDENTIALS_DIRECTORY` of the service. */
    readonly credentialsDirectory: string | undefined
    readonly clock: Clock
  },
): Promise<KekProvider> {
  switch (config.provider) {
    case 'file': {
      const mayCreate = place.keysDir !== undefined && (await keyStoreIsEmpty(place.keysDir))
      return fileKek(config.file ?? place.defaultFile, { mayCreate })
    }
    case 'env':
      if (config.value === undefined) throw missing('keys.kek.value')
      return envKek(config.value)
    case 'systemd-creds':
      if (place.credentialsDirectory === undefined) {
        throw new YizhanError(
          'config_invalid',
          'keys.kek.provider: no systemd service with credentials runs this',
          {
            hint: 'add LoadCredentialEncrypted= to the unit, or choose another provider',
          },
        )
      }
      return credentialKek(place.credentialsDirectory, config.credential)
    case 'command':
      if (config.command.length === 0) throw missing('keys.kek.command')
      return commandKek({ clock: place.clock }, { argv: config.command })
  }
}

function missing(path: string): YizhanError {
  return new YizhanError('config_invalid', `${path} is not set, and keys.kek.provider needs it`)
}
