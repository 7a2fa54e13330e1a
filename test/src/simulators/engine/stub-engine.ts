import { parseArgs } from 'node:util'
import { parseSettings } from './settings.js'
import { STUB_OPTIONS, StubServer } from './stub-server.js'

// The stub engine as a process: `node test/dist/simulators/engine/stub-engine.js --port 0 --set tokens=20,tokenMs=5`.
// It prints one JSON line with its address and ends with its parent (when stdin closes) if told `--with-parent`.
const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    host: { type: 'string', default: STUB_OPTIONS.host },
    slots: { type: 'string', default: '0' },
    'cache-tokens': { type: 'string', default: String(STUB_OPTIONS.cacheTokens) },
    set: { type: 'string', default: '' },
    'with-parent': { type: 'boolean', default: false },
  },
})
const server = new StubServer({
  port: Number(values.port),
  host: values.host,
  slots: Number(values.slots),
  cacheTokens: Number(values['cache-tokens']),
  settings: parseSettings(values.set),
})
const url = await server.start()
process.stdout.write(`${JSON.stringify({ ready: true, url: `${url}/v1`, control: url })}\n`)
if (values['with-parent']) process.stdin.resume().once('end', () => process.exit(0))
