import type { EdgeCommands } from '../fleet/index.js'
import {
  conversationMark,
  identityDigest,
  type SubjectDirectory,
  type SubjectKeys,
} from '../privacy/index.js'
import type { Askers } from './port.js'

/** Persons by the directory's random ids; those whom an edge has yet to erase by the commands that wait for it. */
export function createAskers(deps: {
  readonly subjects: Pick<SubjectDirectory, 'resolve'>
  readonly keys: Pick<SubjectKeys, 'lookupKey'>
  readonly commands: Pick<EdgeCommands, 'waiting'>
}): Askers {
  const { subjects, keys, commands } = deps
  return {
    resolve: (...asked) => subjects.resolve(...asked),
    conversation: async (tenant, channel, conversation) =>
      conversationMark(await keys.lookupKey(tenant), channel, conversation),
    leaving: (edge, tenant, account) =>
      commands.waiting(edge).some(({ command }) => {
        if (command.case !== 'erase' || command.value.tenantId !== tenant) return false
        const { salt, identityDigests } = command.value
        const digest = identityDigest(salt, tenant, account)
        return identityDigests.some((one) => Buffer.compare(one, digest) === 0)
      }),
  }
}
