export { type ChatOptions, chat } from './chat.js'
export type { ChatIo } from './io.js'
export type { OnceAnswer } from './once.js'
