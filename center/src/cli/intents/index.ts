import type { CliIo } from '@yizhan/kernel'
import type { Command } from 'commander'
import type { CenterCall } from '../center-call.js'
import { addEval } from './evaluate.js'
import { addLabel, addProposals, addReview } from './review.js'
import { addVersions } from './tenant-models.js'
import { addTrain } from './train.js'

/** `intents …`: models of intents, of a tenant or outside any for trying data and settings. */
export function intentCommands(program: Command, io: CliIo, call: CenterCall): void {
  const intents = program
    .command('intents')
    .description(io.say({ en: 'models of intents, and what they learn from', zh: '意图模型及其学习素材' }))
  addTrain(intents, io, call)
  addEval(intents, io, call)
  addVersions(intents, io, call)
  addReview(intents, io, call)
  addLabel(intents, io, call)
  addProposals(intents, io, call)
}
