export { type ChatIo, type ChatOptions, chat } from './chat.js'
export type { OnceAnswer } from './once.js'
