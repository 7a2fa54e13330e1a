export { ConversationMemory, type ConversationMemoryDeps } from './conversation-memory.js'
export { memorySource } from './memory-source.js'
