import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ManualClock, plainSealer, silentLogger, type TenantId, YizhanError } from '@yizhan/kernel'
import {
  type CommandResult,
  CommandResultSchema,
  type ConnectRequest,
  type ConnectResponse,
  create,
  EraseCommandSchema,
  type SubjectReport,
  SubjectReportSchema,
} from '@yizhan/proto'
import { openEdgeCommands } from '../fleet/index.js'
import { openStorage } from '../storage/index.js'
import type { SubjectReports } from './port.js'
import {
  connectFrame,
  edgeId,
  heartbeatFrame,
  type LinkClient,
  startTestGateway,
  until,
} from './test-gateway.js'

const beijing = edgeId('beijing-1')

async function next<C extends ConnectResponse['frame']['case']>(link: LinkClient, expected: C) {
  const { frame } = await link.next()
  assert.equal(frame.case, expected)
  return frame as Extract<ConnectResponse['frame'], { case: C }>
}

async function start(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-commands-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const clock = new ManualClock(Date.now())
  const log = silentLogger()
  const storage = await openStorage({ log, sealer: plainSealer, clock }, { dir, shards: 1 })
  t.after(() => storage.close())
  const commands = await openEdgeCommands({ system: storage.system, clock, log })
  const reports = new ScriptedReports()
  const center = await startTestGateway(t, {}, { commands, subjectReports: reports })
  const queue = (erasureId: string) =>
    commands.queue(beijing, {
      actor: 'user_1',
      expiresAt: 0,
      command: { case: 'erase', value: create(EraseCommandSchema, { erasureId }) },
    })
  return { center, commands, reports, queue }
}

class ScriptedReports implements SubjectReports {
  readonly taken: [string, TenantId, string][] = []
  failures: Error[] = []

  async take(edge: string, tenant: TenantId, { reportId }: SubjectReport): Promise<void> {
    const failure = this.failures.shift()
    if (failure) throw failure
    this.taken.push([edge, tenant, reportId])
  }
}

function answered(commandId: string): ConnectRequest['frame'] {
  const value: CommandResult = create(CommandResultSchema, {
    commandId,
    outcome: { case: 'done', value: { detail: 'ok' } },
  })
  return { case: 'commandResult', value }
}

function reported(reportId: string, tenantId = 'acme'): ConnectRequest['frame'] {
  return { case: 'subjectReport', value: create(SubjectReportSchema, { reportId, tenantId }) }
}

test('what waits is sent when the edge links, and again with every link until it has answered', async (t) => {
  const { center, commands, queue } = await start(t)
  const id = await queue('era_1')
  const first = await center.edge().link()
  assert.equal((await next(first.link, 'command')).value.commandId, id)
  first.link.call.end()
  await first.link.code()

  const second = await center.edge().link()
  assert.equal((await next(second.link, 'command')).value.commandId, id)
  second.link.call.write(connectFrame(second.welcome.linkGeneration, answered(id)))
  await until(async () => (await commands.get(beijing, id))?.state === 'done')

  const third = await center.edge().link()
  third.link.call.write(heartbeatFrame(third.welcome.linkGeneration, 1n))
  await next(third.link, 'heartbeatAck')
})

test('a command goes out at once to an edge that is linked, and once more if no answer comes', async (t) => {
  const { center, queue } = await start(t)
  const { link, welcome } = await center.edge().link()
  const id = await queue('era_1')
  assert.equal((await next(link, 'command')).value.commandId, id)
  for (const beat of [1n, 2n, 3n]) {
    link.call.write(heartbeatFrame(welcome.linkGeneration, beat))
    await next(link, 'heartbeatAck')
    center.clock.advance(20_000)
  }
  link.call.write(heartbeatFrame(welcome.linkGeneration, 4n))
  assert.equal((await next(link, 'command')).value.commandId, id)
})

test('no more than sixteen are unanswered at a time, and all of them arrive', async (t) => {
  const { center, commands, queue } = await start(t)
  const ids: string[] = []
  for (let i = 0; i < 40; i++) ids.push(await queue(`era_${i}`))
  const { link, welcome } = await center.edge().link()
  const got: string[] = []
  for (let i = 0; i < 16; i++) got.push((await next(link, 'command')).value.commandId)
  link.call.write(heartbeatFrame(welcome.linkGeneration, 1n))
  await next(link, 'heartbeatAck')
  for (let i = 0; i < 40; i++) {
    link.call.write(connectFrame(welcome.linkGeneration, answered(got[i] ?? '')))
    if (got.length < 40) got.push((await next(link, 'command')).value.commandId)
  }
  await until(() => commands.waiting(beijing).length === 0)
  assert.deepEqual([...got].sort(), [...ids].sort())
})

test('an answer to what was never asked is dropped', async (t) => {
  const { center } = await start(t)
  const { link, welcome } = await center.edge().link()
  link.call.write(connectFrame(welcome.linkGeneration, answered('cmd_0')))
  link.call.write(heartbeatFrame(welcome.linkGeneration, 1n))
  await next(link, 'heartbeatAck')
  const labels = { rpc: 'connect', reason: 'command' }
  assert.equal(await center.count('yizhan_gateway_frames_dropped_total', labels), 1)
})

test('a report of a person is acknowledged once it is kept, in the name of the edge that sent it', async (t) => {
  const { center, reports } = await start(t)
  const { link, welcome } = await center.edge().link()
  link.call.write(connectFrame(welcome.linkGeneration, reported('rep_1')))
  link.call.write(connectFrame(welcome.linkGeneration, reported('rep_2', 'globex')))
  assert.deepEqual((await next(link, 'subjectReportAck')).value.reportIds, ['rep_1'])
  assert.deepEqual((await next(link, 'subjectReportAck')).value.reportIds, ['rep_2'])
  assert.deepEqual(reports.taken, [
    ['beijing-1', 'acme', 'rep_1'],
    ['beijing-1', 'globex', 'rep_2'],
  ])
})

test('a report for a tenant that the edge does not serve is neither kept nor acknowledged', async (t) => {
  const { center, reports } = await start(t)
  const { link, welcome } = await center.edge().link()
  link.call.write(connectFrame(welcome.linkGeneration, reported('rep_1', 'initech')))
  link.call.write(connectFrame(welcome.linkGeneration, reported('rep_2')))
  assert.deepEqual((await next(link, 'subjectReportAck')).value.reportIds, ['rep_2'])
  assert.deepEqual(reports.taken, [['beijing-1', 'acme', 'rep_2']])
  const labels = { rpc: 'connect', reason: 'tenant' }
  assert.equal(await center.count('yizhan_gateway_frames_dropped_total', labels), 1)
})

test('a report that could not be kept is not acknowledged, and the link lives on', async (t) => {
  const { center, reports } = await start(t)
  reports.failures.push(new YizhanError('disk_full', 'no room'))
  const { link, welcome } = await center.edge().link()
  link.call.write(connectFrame(welcome.linkGeneration, reported('rep_1')))
  link.call.write(connectFrame(welcome.linkGeneration, reported('rep_2')))
  assert.deepEqual((await next(link, 'subjectReportAck')).value.reportIds, ['rep_2'])
  link.call.write(connectFrame(welcome.linkGeneration, reported('rep_1')))
  assert.deepEqual((await next(link, 'subjectReportAck')).value.reportIds, ['rep_1'])
})
