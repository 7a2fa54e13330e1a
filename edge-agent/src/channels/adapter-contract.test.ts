import type { TestContext } from 'node:test'
import { adapterContract, type ContractSubject } from './adapter-contract.js'
import { startTestChannel, type TestClient } from './mqtt/testing.js'
import type { ChannelCapabilities } from './port.js'
import { FakeAdapter, FakePlatform } from './testing-platform.js'

async function fakeSubject(capabilities: Partial<ChannelCapabilities>): Promise<ContractSubject> {
  const platform = new FakePlatform(100)
  const adapter = new FakeAdapter(platform, capabilities)
  const conversationId = 'acme/fake/li'
  return {
    adapter,
    message: { channelId: 'fake', conversationId },
    shown: () => platform.shown.map(({ text }) => text),
    onShown: (fn) => platform.onShown(fn),
    losesAnswers() {
      platform.losesAnswers = true
    },
    async answers() {
      platform.losesAnswers = false
    },
    async leaves() {
      platform.isThere = false
    },
    async comes() {
      adapter.comesBack(conversationId)
    },
  }
}

adapterContract('a platform without anything', () => fakeSubject({}))
adapterContract('a platform that can be asked', () => fakeSubject({ probe: true }))
adapterContract('a platform with a deadline', () => fakeSubject({ probe: true, deadlineMs: 360_000 }))
adapterContract('a platform with a deadline and messages of its own', () =>
  fakeSubject({ probe: true, deadlineMs: 360_000, proactive: true }),
)

async function mqttSubject(t: TestContext): Promise<ContractSubject> {
  const { channel, connect } = await startTestChannel(t, { limits: { maxReplyBytes: 4_096 } })
  const seen = new Map<string, string>()
  const listeners = new Set<() => void>()
  let client: TestClient | undefined
  let isSilent = false
  let isLost = false
  const comes = async () => {
    const next = await connect()
    const handle = next.mqtt.handleMessage.bind(next.mqtt)
    next.mqtt.handleMessage = (packet, done) => {
      if (!isLost) handle(packet, done)
    }
    next.mqtt.on('message', (_topic, payload) => {
      isLost = isSilent
      const { id, text } = JSON.parse(payload.toString())
      if (seen.has(id)) return
      seen.set(id, text)
      for (const fn of listeners) fn()
    })
    client = next
    await next.mqtt.subscribeAsync('yizhan/acme/li/c1/out', { qos: 1 })
  }
  const leaves = async () => {
    await client?.mqtt.endAsync(true)
    // The broker has seen it go once nobody is connected.
    while (channel.health().clients > 0) await new Promise(setImmediate)
  }
  await comes()
  return {
    adapter: channel,
    message: { channelId: 'mqtt', conversationId: 'acme/mqtt/li/c1' },
    shown: () => [...seen.values()],
    onShown(fn) {
      listeners.add(fn)
      return () => listeners.delete(fn)
    },
    losesAnswers() {
      isSilent = true
    },
    async answers() {
      isSilent = false
      await leaves()
      await comes()
    },
    leaves,
    comes,
  }
}

adapterContract('mqtt', mqttSubject)
