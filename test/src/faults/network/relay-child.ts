// Runs in an edge's network and lets others in: PATH PORT → connections to the socket PATH go to that port of its loopback.
import { connect, createServer } from 'node:net'

const [path = '', port = ''] = process.argv.slice(2)
const server = createServer({ allowHalfOpen: true }, (near) => {
  const far = connect({ host: '127.0.0.1', port: Number(port), noDelay: true, allowHalfOpen: true })
  near.pipe(far).pipe(near)
  near.on('error', () => far.destroy()).on('close', () => far.destroy())
  far.on('error', () => near.destroy()).on('close', () => near.destroy())
})
server.listen(path, () => process.stdout.write(`${JSON.stringify({ ready: true })}\n`))
process.stdin.resume().once('end', () => process.exit(0))
