// What `npm start` is told on its command line.
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { languageOf } from './words.mjs'

const PORTS = { chat: 8080, mqtt: 1883, center: 7443, api: 7480 }
const MAX_EDGES = 50
const USAGE = `npm start -- [--edges N] [--tenant DIR]… [--state DIR] [--json] [--lang zh|en]
             [--chat-port N] [--mqtt-port N] [--center-port N] [--api-port N]
  --edges N     so many branches (1 to ${MAX_EDGES}); the first has the ports above, the others free ones
  --tenant DIR  a tenant directory, may be given several times; default examples/acme
  --state DIR   where state and logs are kept; default .yizhan
  --json        one line of JSON when all is ready, in place of the text
  a port of 0 takes any free one`

function usage(message) {
  process.stderr.write(`${message}\n${USAGE}\n`)
  process.exit(2)
}

function portsOf(values) {
  const ports = {}
  for (const [name, standard] of Object.entries(PORTS)) {
    const given = values[`${name}-port`]
    const port = given === undefined ? standard : Number(given)
    if (given === '' || !Number.isInteger(port) || port < 0 || port > 65_535)
      usage(`--${name}-port ${given}: not a port (0 to 65535)`)
    ports[name] = port
  }
  const named = Object.values(ports).filter((port) => port !== 0)
  if (new Set(named).size !== named.length) usage('two of the ports are the same')
  return ports
}

/** The options; a wrong one ends the process with 2, `--help` with 0. Paths are meant from where the user stands. */
export function readOptions(root, argv, env) {
  const port = { type: 'string' }
  let values
  try {
    values = parseArgs({
      args: argv,
      options: {
        edges: { type: 'string', default: '1' },
        tenant: { type: 'string', multiple: true, default: [join(root, 'examples', 'acme')] },
        state: { type: 'string', default: join(root, '.yizhan') },
        'chat-port': port,
        'mqtt-port': port,
        'center-port': port,
        'api-port': port,
        json: { type: 'boolean', default: false },
        lang: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values
  } catch (thrown) {
    usage(thrown.message)
  }
  if (values.help) {
    process.stdout.write(`${USAGE}\n`)
    process.exit(0)
  }
  const edges = Number(values.edges)
  if (!Number.isInteger(edges) || edges < 1 || edges > MAX_EDGES)
    usage(`--edges ${values.edges}: not a number of edges (1 to ${MAX_EDGES})`)
  if (values.lang !== undefined && values.lang !== 'zh' && values.lang !== 'en')
    usage(`--lang ${values.lang}: zh or en`)
  const from = env.INIT_CWD ?? process.cwd()
  return {
    edges,
    tenants: [...new Set(values.tenant.map((dir) => resolve(from, dir)))],
    state: resolve(from, values.state),
    json: values.json,
    lang: values.lang ?? languageOf(env),
    ports: portsOf(values),
  }
}
