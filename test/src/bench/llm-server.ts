import { createServer } from 'node:http'

// An OpenAI-compatible server that writes TOKENS tokens of four letters as fast as its client takes them.
const tokens = Number(process.argv[2] ?? 10_000)
const chunk = `data: ${JSON.stringify({ choices: [{ delta: { content: 'word' } }] })}\n\n`
const batch = chunk.repeat(20)

const server = createServer((request, response) => {
  if (request.url?.endsWith('/models')) {
    response.end(JSON.stringify({ data: [{ id: 'bench' }] }))
    return
  }
  if (request.method === 'GET') {
    response.writeHead(404).end()
    return
  }
  request.resume().once('end', () => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    let left = tokens
    const write = () => {
      while (left > 0) {
        left -= 20
        if (!response.write(batch)) {
          response.once('drain', write)
          return
        }
      }
      response.end(
        `data: ${JSON.stringify({ choices: [{ delta: {}, finish_reason: 'stop' }] })}\n\ndata: [DONE]\n\n`,
      )
    }
    write()
  })
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  process.stdout.write(`${JSON.stringify({ ready: true, url: `http://127.0.0.1:${port}/v1` })}\n`)
})
process.stdin.resume().once('end', () => process.exit(0))
