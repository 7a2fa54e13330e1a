export { ConversationMemory, type ConversationMemoryDeps, type MemoryFacts } from './conversation-memory.js'
export { memorySource } from './memory-source.js'
