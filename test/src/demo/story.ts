import { setTimeout } from 'node:timers/promises'
import { adminCall, adminSocketPath } from '@yizhan/kernel'
import { ChatClient, type Out } from '../support/chat-client.js'
import { ACME, Installation } from '../support/installation.js'
import { HEAVY, type Language, QUESTIONS } from './questions.js'
import type { Timeline } from './timeline.js'
import type { Asked, Role, Transcript } from './transcript.js'
import type { Words } from './words.js'

/** The answer is cut after so many pieces, in the first third of it. */
const CUT_AFTER = 6
/** Between two pieces, so that an answer takes seconds. */
const PACE_MS = '40'
/** The link stays cut for as long, at least, as it takes to believe it. */
const CUT_MS = 2_000
const TENANT = 'acme'

/** What ends with the story. */
interface Scope {
  after(fn: () => unknown): unknown
}

/**
 * Two people of one branch, a link that is cut while one of them is being answered and restored while the other one
 * waits. Real processes on free ports, with their state in a temporary directory.
 */
export async function tellStory(
  scope: Scope,
  { language, words }: { readonly language: Language; readonly words: Words },
  timeline: Timeline,
): Promise<Transcript> {
  const asked: Asked[] = []
  timeline.add('demo', words.starting)
  const began = performance.now()
  const all = await Installation.start(scope, { YIZHAN_INFERENCE__EXTRACTIVE__PACE_MS: PACE_MS })
  await all.apply(ACME)
  // The answer that is cut stays an answer: it gets no ticket while the others are shown.
  const edge = await all.addEdge('beijing', [TENANT], { YIZHAN_TURNS__TICKET_AFTER_MS: '60000' })
  const status = (query: string) =>
    adminCall(adminSocketPath(edge.state), 'GET', `/v1/status?timeoutMs=30000&${query}`)
  // Two people, so that nobody waits behind the other's answer.
  const li = await ChatClient.connect(edge.mqtt, TENANT, 'li')
  const wang = await ChatClient.connect(edge.mqtt, TENANT, 'wang')
  scope.after(() => Promise.all([li.end(), wang.end()]))
  timeline.add('demo', words.ready(((performance.now() - began) / 1000).toFixed(1)))

  const say = async (who: 'li' | 'wang', role: Role, text: string): Promise<string> => {
    timeline.add(who, text)
    const id = await (who === 'li' ? li : wang).say(text)
    asked.push({ id, role, text })
    return id
  }
  const tell = ({ answeredBy, text }: Out, pieces = 0) =>
    timeline.add(answeredBy === 'edge' ? 'edge' : 'center', pieces > 0 ? words.streamed(pieces, text) : text)

  const { local, stream, offline } = QUESTIONS[language]
  tell(await wang.final(await say('wang', 'local', local)))
  const uncut = await say('wang', 'uncut', stream)
  tell(await wang.final(uncut), wang.deltasOf(uncut).length)

  const streamed = await say('li', 'stream', stream)
  await li.until(() => (li.deltasOf(streamed).length >= CUT_AFTER ? true : undefined))
  edge.proxy.cut()
  const longEnough = setTimeout(CUT_MS)
  await status('link=down')
  const piecesBeforeRestore = li.deltasOf(streamed).length
  timeline.add('link', words.cut(piecesBeforeRestore))

  tell(await wang.final(await say('wang', 'offline', offline)))
  const heavy: string[] = []
  for (const text of HEAVY[language]) {
    const id = await say('wang', 'ticket', text)
    const first = await wang.until(() => wang.out.find(({ inReplyTo }) => inReplyTo === id))
    if (first.type === 'notice') timeline.add('ticket', words.ticket(first.ticket ?? '', first.place))
    else tell(first)
    heavy.push(id)
  }
  await longEnough
  const finals = (client: ChatClient) => client.out.filter(({ type }) => type === 'final')
  const offlineIds = new Set(
    asked.filter(({ role }) => role === 'offline' || role === 'ticket').map(({ id }) => id),
  )
  const answeredOffline = [...finals(wang), ...finals(li)]
    .map(({ inReplyTo }) => inReplyTo)
    .filter((id) => offlineIds.has(id) || id === streamed)

  edge.proxy.restore()
  timeline.add('link', words.restored)
  const telling = tellLate(wang, heavy, (question, text) =>
    timeline.add('center', words.late(question, text)),
  )
  const whole = await li.final(streamed)
  timeline.add('center', words.goesOn(piecesBeforeRestore + 1, li.deltasOf(streamed).length))
  tell(whole, li.deltasOf(streamed).length)
  await telling
  // A reply too many would come with or right behind the last one: both people hear once more from the branch.
  tell(await li.final(await say('li', 'local', local)))

  return {
    asked,
    out: [...wang.out, ...li.out],
    deltas: li.deltas,
    piecesBeforeRestore,
    answeredOffline,
  }
}

/** Tells the late answers in the order in which they come; resolves when all are here. */
async function tellLate(
  client: ChatClient,
  ids: readonly string[],
  tell: (question: string, text: string) => void,
): Promise<void> {
  const told = new Set<string>()
  while (told.size < ids.length) {
    const next = await client.until(() =>
      client.out.find(
        ({ type, inReplyTo }) => type === 'final' && ids.includes(inReplyTo) && !told.has(inReplyTo),
      ),
    )
    told.add(next.inReplyTo)
    tell(next.quoted ?? '', next.text)
  }
}
