import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { WaitingTicket } from '../port.js'
import { hashPassword } from './passwords.js'
import { startTestChannel, type TestClient, turnOf } from './testing.js'

const TICKETS = 'yizhan/acme/li/c1/tickets'

/** The tickets of some chats, in this order, each in the place that it has in the list. */
function line(...conversations: readonly string[]): WaitingTicket[] {
  return conversations.map((conversation, index) => {
    const turn = turnOf(`acme/mqtt/${conversation}`, `q-${conversation}`, { id: `t_${conversation}` })
    return { turn, ticket: `A-${conversation}`, place: index + 1 }
  })
}

/** What comes next, as `ticket place`. */
async function shown(client: TestClient): Promise<string> {
  const { topic, body } = await client.next()
  assert.match(topic, /\/tickets$/)
  const tickets = body.tickets as { ticket: string; place: number }[]
  return tickets.map(({ ticket, place }) => `${ticket} ${place}`).join(', ')
}

async function listening(t: TestContext, filter = TICKETS) {
  const broker = await startTestChannel(t)
  const client = await broker.connect()
  await client.mqtt.subscribeAsync(filter, { qos: 1 })
  return { ...broker, client }
}

test('with passwords nobody listens to the tickets of another user', async (t) => {
  const scrypt = await hashPassword('secret')
  const users = [{ tenant: 'acme', user: 'wang', scrypt }]
  const broker = await startTestChannel(t, { auth: { mode: 'password', users } })
  broker.setTickets(line('li/c1', 'wang/c1'))
  const client = await broker.connect({ username: 'acme/wang', password: 'secret' })
  for (const filter of [TICKETS, 'yizhan/acme/+/+/tickets', 'yizhan/+/wang/c1/tickets']) {
    await assert.rejects(client.mqtt.subscribeAsync(filter), /Unspecified|128|Not authorized/i, filter)
  }
  await client.mqtt.subscribeAsync('yizhan/acme/wang/#', { qos: 1 })
  assert.equal(await shown(client), 'A-wang/c1 2')
})

test('who subscribes gets the tickets of the chat, an empty list if there are none', async (t) => {
  const { client, connect, setTickets } = await listening(t)
  assert.equal(await shown(client), '')
  setTickets(line('wang/c9', 'li/c1', 'li/c2', 'li/c1'))
  const other = await connect()
  await other.mqtt.subscribeAsync(TICKETS, { qos: 0 })
  const { body, qos } = await other.next()
  assert.equal(qos, 0)
  assert.deepEqual(body, {
    tickets: [
      { ticket: 'A-li/c1', turnId: 't_li/c1', inReplyTo: 'q-li/c1', place: 2 },
      { ticket: 'A-li/c1', turnId: 't_li/c1', inReplyTo: 'q-li/c1', place: 4 },
    ],
  })
})

test('who subscribes by a wildcard gets every chat that has tickets, and no empty lists', async (t) => {
  const broker = await startTestChannel(t)
  broker.setTickets(line('li/c1', 'wang/c1', 'li/c2'))
  const client = await broker.connect()
  await client.mqtt.subscribeAsync('yizhan/acme/li/+/+', { qos: 1 })
  assert.deepEqual([await shown(client), await shown(client)], ['A-li/c1 1', 'A-li/c2 3'])
  await client.mqtt.subscribeAsync('yizhan/acme/zhao/#', { qos: 1 })
  await client.mqtt.subscribeAsync('yizhan/info')
  assert.equal((await client.next()).topic, 'yizhan/info')
})

test('a ticket that comes, moves or ends is told, at last an empty list, and no more than once a second', async (t) => {
  const { client, clock, setTickets } = await listening(t)
  assert.equal(await shown(client), '')
  setTickets(line('wang/c1', 'zhao/c1', 'li/c1'))
  clock.advance(0)
  assert.equal(await shown(client), 'A-li/c1 3')
  setTickets(line('zhao/c1', 'li/c1'))
  clock.advance(999)
  setTickets(line('li/c1'))
  clock.advance(1)
  assert.equal(await shown(client), 'A-li/c1 1', 'place 2 came and went within the second')
  setTickets(line('li/c1', 'wang/c2'))
  clock.advance(1_000)
  setTickets(line('wang/c2'))
  clock.advance(1_000)
  assert.equal(await shown(client), '', 'what moves in other chats is not told here')
  setTickets([])
  clock.advance(1_000)
  await client.mqtt.subscribeAsync('yizhan/info')
  assert.equal((await client.next()).topic, 'yizhan/info')
})

test('who comes between a change and the telling of it keeps nobody from being told', async (t) => {
  const { client, clock, connect, setTickets } = await listening(t)
  assert.equal(await shown(client), '')
  setTickets(line('li/c1'))
  const other = await connect()
  await other.mqtt.subscribeAsync(TICKETS, { qos: 1 })
  assert.equal(await shown(other), 'A-li/c1 1')
  clock.advance(0)
  assert.equal(await shown(client), 'A-li/c1 1')
  assert.equal(await shown(other), 'A-li/c1 1')
  setTickets([])
  clock.advance(1_000)
  assert.deepEqual([await shown(client), await shown(other)], ['', ''])
})

test('a listener that came first when tickets waited already hears of their end', async (t) => {
  const broker = await startTestChannel(t)
  broker.setTickets(line('li/c1'))
  const client = await broker.connect()
  await client.mqtt.subscribeAsync('yizhan/acme/li/#', { qos: 1 })
  assert.equal(await shown(client), 'A-li/c1 1')
  broker.setTickets([])
  broker.clock.advance(0)
  assert.equal(await shown(client), '')
})

test('without a listener nothing is looked at, however often tickets move', async (t) => {
  const { client, clock, setTickets, ticketLooks } = await listening(t)
  const before = ticketLooks()
  for (let i = 0; i < 50; i++) setTickets(line('li/c1', `wang/c${i}`))
  clock.advance(0)
  assert.equal(ticketLooks(), before + 1, 'one look for all of them')
  await client.mqtt.unsubscribeAsync(TICKETS)
  await client.mqtt.subscribeAsync('yizhan/acme/li/c1/out')
  setTickets([])
  clock.advance(5_000)
  assert.equal(ticketLooks(), before + 1)
})
