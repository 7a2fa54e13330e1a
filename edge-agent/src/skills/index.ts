export { builtInSkills, type ConversationControl } from './built-in.js'
export { checkMessages, type MessageParams, say } from './catalogue.js'
export { type Command, type CommandName, parseCommand } from './commands.js'
export { type Skill, type SkillAnswer, type SkillContext, SkillRegistry } from './skill.js'
