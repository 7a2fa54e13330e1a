import type { CliIo } from '@yizhan/kernel'
import type { Command } from 'commander'
import { addEval } from './evaluate.js'
import { addTrain } from './train.js'

/** `intents …`: models of intents outside any tenant, for trying data and settings. */
export function intentCommands(program: Command, io: CliIo): void {
  const intents = program
    .command('intents')
    .description(io.say({ en: 'train and evaluate intent models', zh: '训练与评测意图模型' }))
  addTrain(intents, io)
  addEval(intents, io)
}
