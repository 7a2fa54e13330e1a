import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { StubProcess } from '../simulators/engine/stub-process.js'
import { ChatClient } from '../support/chat-client.js'
import { Installation } from '../support/installation.js'
import { consentTenant } from './consent-tenant.js'

const NOTES = /What was said before, in short/
/** More than it takes: notes are made of what was uploaded by then. */
const MAX_QUESTIONS = 60

interface Chat {
  readonly messages: readonly { readonly role: string; readonly content: string }[]
}

test('a long conversation is known in short by later prompts, until its subject changes; a file is quoted', async (t) => {
  const stub = await StubProcess.start(t)
  const all = await Installation.start(t, stub.settings)
  await all.apply(await consentTenant(t))
  const edge = await all.addEdge('talk', ['surgery'], {}, { direct: true })
  const person = await ChatClient.connect(edge.mqtt, 'surgery', 'li')
  t.after(() => person.end())
  await person.notice(await person.say('When do you open?'))
  await person.say('', { kind: 'card', card: { id: 'privacy.consent', action: '/privacy agree' } })
  let asked = 0
  /** The prompt of a new question. */
  const ask = async (attachments: readonly object[] = []) => {
    const mark = `#q${++asked}`
    const text = `Explain to me what a quadratic equation is for ${mark}`
    await person.final(await person.say(text, { attachments }))
    const chats = (await stub.requests()).map(({ body }) => JSON.parse(body) as Chat)
    return chats.findLast(({ messages }) => messages.at(-1)?.content.endsWith(mark)) ?? assert.fail(mark)
  }
  let prompt = await ask()
  while (!NOTES.test(JSON.stringify(prompt)) && asked < MAX_QUESTIONS) prompt = await ask()
  const [system, first, second] = prompt.messages
  assert.doesNotMatch(system?.content ?? '', NOTES)
  // The stub's notes: an answer to the exchanges that it was given.
  assert.match(
    first?.content ?? '',
    /in short[\s\S]*<<<[0-9a-f]{24}\n1\/#q\d+;[\s\S]*>>>\n\nWhen do you open/,
  )
  assert.deepEqual([first?.role, second?.role], ['user', 'assistant'])

  const paper = join(all.dir, 'notes.txt')
  await writeFile(paper, 'The parabola opens upwards.\n')
  const { sha256 } = await all.centerCommand('attachments', 'put', paper, '--tenant', 'surgery')
  const seen = JSON.stringify(await ask([{ name: 'notes.txt', mediaType: 'text/plain', size: 28, sha256 }]))
  assert.match(seen, /<<<[0-9a-f]{24} \[1\] notes\.txt\\nThe parabola opens upwards\./)

  await person.ask('/new')
  for (let n = 0; n < 3; n++) assert.doesNotMatch(JSON.stringify(await ask()), NOTES)
})
