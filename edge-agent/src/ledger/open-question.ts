import type { ReplyButton } from './turn.js'

interface Asked {
  /** The language in which it was asked: a "1" says nothing about that. */
  readonly language: string
}

/** Which of some intents is meant. */
export interface OpenChoice extends Asked {
  readonly kind: 'choice'
  /** What was asked at first. */
  readonly question: string
  readonly options: readonly string[]
}

/** The buttons of the last card, for who types their number. */
export interface OpenCard extends Asked {
  readonly kind: 'card'
  readonly buttons: readonly ReplyButton[]
}

/** What an intent has to know, asked for one after the other. */
export interface OpenForm extends Asked {
  readonly kind: 'form'
  readonly intent: string
  /** What was asked at first. */
  readonly question: string
  readonly values: Readonly<Record<string, string>>
  /** The one that is asked for now. */
  readonly slot: string
  /** Answers to it that could not be used. */
  readonly unusable: number
}

/** What an asker can answer to; open until they answer or ask something else. Plain data: it is kept with its reply. */
export type OpenQuestion = OpenChoice | OpenCard | OpenForm
