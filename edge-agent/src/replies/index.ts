export type { OutgoingPolicy } from './policy.js'
export { type Replies, type RepliesConfig, type RepliesDeps, startReplies } from './replies.js'
