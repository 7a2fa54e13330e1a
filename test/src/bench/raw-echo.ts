import { createServer } from 'node:net'
import { Aedes } from 'aedes'

// The peer of `bench edge`: aedes and nothing else; every question comes straight back with QoS 1.
const broker = await Aedes.createBroker()
broker.on('publish', (packet, client) => {
  if (!client || !packet.topic.endsWith('/in')) return
  const { id } = JSON.parse(packet.payload.toString()) as { id: string }
  broker.publish(
    {
      cmd: 'publish',
      topic: packet.topic.replace(/in$/, 'out'),
      payload: Buffer.from(JSON.stringify({ inReplyTo: id })),
      qos: 1,
      retain: false,
      dup: false,
    },
    () => undefined,
  )
})
const server = createServer({ noDelay: true }, broker.handle)
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  process.stdout.write(`${JSON.stringify({ ready: true, mqtt: `mqtt://127.0.0.1:${port}` })}\n`)
})
process.stdin.resume().once('end', () => process.exit(0))
