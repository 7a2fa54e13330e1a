import { randomBytes } from 'node:crypto'
import type { Passage } from './port.js'

/** A mark that no document can hold: it is drawn for one request, after its documents were written. */
export function newMark(): string {
  return randomBytes(12).toString('hex')
}

/**
 * Passages as a model reads them, numbered from 1. Only a line with `mark` ends one, and a document cannot know it; nor can it
 * write what a chat template takes for the end of a message.
 */
export function fenced(passages: readonly Passage[], mark: string): string {
  return passages
    .map(({ document, title, heading, text }, index) => {
      const source = [title || document, heading].filter((part) => part !== '').join(' › ')
      return `<<<${mark} [${index + 1}] ${defused(source).replace(/\s+/g, ' ')}\n${defused(text)}\n${mark}>>>`
    })
    .join('\n')
}

/** A text that is quoted and no document: it has no number. */
export function fencedText(text: string, mark: string): string {
  return `<<<${mark}\n${defused(text)}\n${mark}>>>`
}

/** What open models' chat templates use to begin and end messages: many servers take it for that wherever it stands. */
const CONTROL =
  /<\|[^|<>\n]{1,60}\|>|<｜[^｜<>\n]{1,60}｜>|<\/?s>|\[\/?INST\]|<<\/?SYS>>|<(?:start|end)_of_turn>|<\/?(?:bos|eos)>/gi

/** The text with its control sequences made into words that look alike. */
export function defused(text: string): string {
  return text.replace(CONTROL, (found) =>
    found.replace(/^[<[]+/, (opening) => opening.replaceAll('<', '‹').replaceAll('[', '［')),
  )
}
