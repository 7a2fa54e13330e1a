import { ChatEventType, MessageKind } from '@yizhan/proto'
import { inLanguage } from '../../tenants/index.js'
import type { Endings } from '../endings.js'
import { plainRoute, type RouterHandler, type Visit } from '../visit.js'

/** Something happened in the chat: a newcomer is welcomed, the rest is on record. */
export function eventHandler(endings: Endings): RouterHandler {
  return {
    name: 'event',
    async handle(visit, next) {
      const { turn } = visit
      if (turn.message.kind !== MessageKind.EVENT) return next(visit)
      const type = turn.message.chatEvent?.type
      const welcome = type === ChatEventType.JOINED ? welcomeOf(visit) : undefined
      if (welcome === undefined) return endings.silent(turn, 'event')
      const answering = await endings.advance(turn, 'answering', 'event')
      return endings.answer(answering, welcome, plainRoute('welcome', 'event'))
    },
  }
}

function welcomeOf({ tenant, language }: Visit): string | undefined {
  const { welcome, languages } = tenant.file
  if (!welcome) return undefined
  const suggestions = welcome.suggest.map((suggestion) => `· ${inLanguage(suggestion, language, languages)}`)
  return [inLanguage(welcome.text, language, languages), ...suggestions].join('\n')
}
