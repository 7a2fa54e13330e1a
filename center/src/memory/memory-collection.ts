import { type Static, Type } from '@sinclair/typebox'
import { defineCollection } from '../storage/index.js'

const Count = Type.Integer({ minimum: 0 })

const Memory = Type.Object({
  /** Blind mark of the conversation and of the person who speaks in it. */
  key: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  /** Blind mark of the conversation, as its turns have it. */
  conversation: Type.String(),
  /** What was said, in short. */
  text: Type.String({ minLength: 1 }),
  /** The last turn that is in it: ids grow with time. */
  upTo: Type.String({ pattern: '^t_[0-9a-z]{26}$' }),
  /** How many turns are in it. */
  turns: Count,
  model: Type.String(),
  /** The wording that the model was asked with. */
  prompt: Type.String(),
  /** When it was written, milliseconds since the Unix epoch. */
  at: Count,
  expiresAt: Type.Optional(Count),
  subject: Type.String(),
})

/** What a conversation of one person was about, beyond what is shown word for word. */
export type Memory = Static<typeof Memory>

/** In a group each person has a memory of their own, so that it lies under one person's key. */
export const MEMORY = defineCollection({
  name: 'memory',
  version: 1,
  schema: Memory,
  key: ({ key }) => key,
  subject: ({ subject }) => subject,
  terms: ({ conversation }) => [{ name: 'conversation', value: conversation }],
  expiresAt: ({ expiresAt }) => expiresAt,
  dataClass: 'memory',
})
