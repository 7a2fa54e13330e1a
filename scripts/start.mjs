// `npm start`: one center and one edge agent on this machine, as two processes, with a small tenant.
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { root, setUp } from './setup.mjs'
import { superviseProcess } from './supervise.mjs'

const DEFAULTS = { chat: 8080, mqtt: 1883, center: 7443, api: 7480 }
const HOST = '127.0.0.1'
const EDGE = 'hq'
const SITE = 'headquarters'
const READY_MS = 30_000
const USAGE = `npm start -- [--state DIR] [--chat-port N] [--mqtt-port N] [--center-port N] [--api-port N] [--tenant DIR] [--json]
  a port of 0 takes any free one`

function usage(message) {
  process.stderr.write(`${message}\n${USAGE}\n`)
  process.exit(2)
}

function options() {
  let values
  try {
    values = parseArgs({
      options: {
        state: { type: 'string', default: join(root, '.yizhan') },
        'chat-port': { type: 'string' },
        'mqtt-port': { type: 'string' },
        'center-port': { type: 'string' },
        'api-port': { type: 'string' },
        tenant: { type: 'string', default: join(root, 'examples', 'acme') },
        json: { type: 'boolean', default: false },
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
  const ports = {}
  for (const [name, standard] of Object.entries(DEFAULTS)) {
    const given = values[`${name}-port`]
    const port = given === undefined ? standard : Number(given)
    if (!Number.isInteger(port) || port < 0 || port > 65_535)
      usage(`--${name}-port ${given}: not a port (0 to 65535)`)
    ports[name] = port
  }
  const named = Object.values(ports).filter((port) => port !== 0)
  if (new Set(named).size !== named.length) usage('two of the ports are the same')
  return { state: resolve(values.state), tenant: resolve(values.tenant), json: values.json, ports }
}

/** Undefined if the port can be had, else why not. */
function portProblem(port) {
  return new Promise((done) => {
    const probe = createServer()
    probe.once('error', (error) => done(error.code))
    probe.listen({ host: HOST, port, exclusive: true }, () => probe.close(() => done(undefined)))
  })
}

async function checkPorts(ports) {
  const problems = []
  for (const [name, port] of Object.entries(ports)) {
    if (port === 0) continue
    const why = await portProblem(port)
    if (why === 'EADDRINUSE')
      problems.push(`port ${port} is taken: choose another with --${name}-port N (0 = any free one)`)
    else if (why)
      problems.push(`port ${port} cannot be opened (${why}): choose another with --${name}-port N`)
  }
  if (problems.length === 0) return
  process.stderr.write(`${problems.join('\n')}\n`)
  process.exit(1)
}

/** The tenant directory as the API takes it; a wrong one is told before anything starts. */
async function tenantFiles() {
  try {
    const read = await readTenantDirectory(tenant)
    return Object.fromEntries([...read].map(([path, bytes]) => [path, Buffer.from(bytes).toString('base64')]))
  } catch (thrown) {
    return usage(`--tenant: ${thrown.message}`)
  }
}

const { state, tenant, json, ports } = options()
const say = (text) => process.stderr.write(`${text}\n`)
await setUp()
const { adminCall, adminSocketPath } = await import('@yizhan/kernel')
const { readTenantDirectory } = await import('../center/dist/tenants/index.js')
const files = await tenantFiles()
await checkPorts(ports)

const centerState = join(state, 'center')
const edgeState = join(state, 'edge')
const centerBin = join(root, 'center', 'bin', 'yizhan-center.js')
const edgeBin = join(root, 'edge-agent', 'bin', 'yizhan-edge.js')
const llm = {
  ...(process.env.YIZHAN_LLM_URL ? { YIZHAN_INFERENCE__LLM__URL: process.env.YIZHAN_LLM_URL } : {}),
  ...(process.env.YIZHAN_LLM_MODEL ? { YIZHAN_INFERENCE__LLM__MODEL: process.env.YIZHAN_LLM_MODEL } : {}),
  ...(process.env.YIZHAN_LLM_API_KEY
    ? { YIZHAN_INFERENCE__LLM__API_KEY: process.env.YIZHAN_LLM_API_KEY }
    : {}),
}

/** Sections of the settings that only one of the two programs has; the other would refuse them as unknown. */
const OWN = {
  center: ['TRUST_DOMAIN', 'GATEWAY', 'CERTIFICATES', 'API', 'STORAGE', 'INFERENCE'],
  edge: ['SITE', 'CENTER', 'HTTP', 'MQTT', 'CHAT', 'TURNS', 'REPLIES', 'UPLINK'],
}
function envWithout(program) {
  const foreign = OWN[program].map((section) => `YIZHAN_${section}`)
  const belongs = (name) => foreign.some((prefix) => name === prefix || name.startsWith(`${prefix}__`))
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !belongs(name)))
}

const running = []
let stopping
/** Edge first, so that its last words still reach the center; then the center. */
function stop(code) {
  stopping ??= (async () => {
    for (const child of [...running].reverse()) await child.stop()
    process.exit(code)
  })()
  return stopping
}
// `on`, not `once`: npm passes on the Ctrl-C that the terminal has sent already.
process.on('SIGINT', () => void stop(0))
process.on('SIGTERM', () => void stop(0))

try {
  let centerAddress
  let apiPort = ports.api
  const center = superviseProcess({
    name: 'center',
    log: join(state, 'log', 'center.log'),
    say,
    command: () => ({
      args: [
        centerBin,
        'serve',
        '--state',
        centerState,
        '--with-parent',
        '--link-port',
        String(centerAddress?.split(':').at(-1) ?? ports.center),
        '--enroll-port',
        '0',
        '--api-port',
        String(apiPort),
      ],
      env: {
        YIZHAN_GATEWAY__HOST: HOST,
        YIZHAN_INFERENCE__EXTRACTIVE__PACE_MS: '15',
        ...envWithout('edge'),
        ...llm,
      },
    }),
  })
  running.push(center)
  const centerReady = await center.ready()
  centerAddress = centerReady.link
  apiPort = Number(new URL(centerReady.api).port)

  const api = (method, path, body) =>
    adminCall(adminSocketPath(centerState), method, path, body, { timeoutMs: 600_000 })
  const applying = api('POST', '/v1/tenants/apply', { files })
  applying.catch(() => {})
  // An edge that the center knows starts while the tenant is applied; a new one needs to know which tenant it joins.
  const known = (await api('GET', '/v1/edges')).find((one) => one.edgeId === EDGE)
  if (known?.revoked)
    throw new Error(`the edge ${EDGE} was revoked for good: start with another --state, or remove ${state}`)
  const tenants = known?.tenants.length ? known.tenants : [(await applying).tenant]
  // A token too many does no harm: it runs out, and an edge that has a certificate does not use it.
  const { token } = await api('POST', '/v1/edges/tokens', { edge: EDGE, tenants, site: SITE })

  const bound = { chat: ports.chat, mqtt: ports.mqtt }
  const edge = superviseProcess({
    name: 'edge agent',
    log: join(state, 'log', 'edge.log'),
    say,
    command: () => ({
      args: [
        edgeBin,
        'serve',
        '--state',
        edgeState,
        '--with-parent',
        '--site',
        SITE,
        '--link',
        centerAddress,
        '--enroll',
        centerReady.enroll,
        '--http-port',
        String(bound.chat),
        '--mqtt-port',
        String(bound.mqtt),
      ],
      env: { YIZHAN_CHAT__SHOW_ROUTE: 'true', ...envWithout('center'), YIZHAN_CENTER__JOIN_TOKEN: token },
    }),
  })
  running.push(edge)
  const edgeReady = await edge.ready()
  bound.chat = Number(new URL(edgeReady.chat).port)
  bound.mqtt = Number(new URL(edgeReady.mqtt).port)
  const applied = await applying
  if (!tenants.includes(applied.tenant)) {
    await api('POST', `/v1/edges/${EDGE}/tenants`, { tenants: [...tenants, applied.tenant] })
  } else if (known && known.tenants.length === 0) await api('POST', `/v1/edges/${EDGE}/tenants`, { tenants })
  await servesTenant(applied)

  if (json) {
    const line = {
      ready: true,
      chat: edgeReady.chat,
      mqtt: edgeReady.mqtt,
      center: centerAddress,
      api: centerReady.api,
      tenant: applied.tenant,
      pids: { center: center.pid(), edge: edge.pid() },
    }
    process.stdout.write(`${JSON.stringify(line)}\n`)
  } else {
    process.stdout.write(`
  chat in the browser    ${edgeReady.chat}
  chat in the terminal   npm run chat -- --mqtt ${edgeReady.mqtt}
  any MQTT client        mosquitto_sub -p ${bound.mqtt} -t 'yizhan/${applied.tenant}/me/1/#' &
                         mosquitto_pub -p ${bound.mqtt} -q 1 -t yizhan/${applied.tenant}/me/1/in -m '{"id":"1","text":"怎么连 VPN？"}'
  center, admin API      ${centerReady.api}   (token in ${join(centerState, 'api-token')})

  state and logs in ${state}; Ctrl-C stops both${process.stdin.isTTY ? '; k stops or starts the center, q quits' : ''}
`)
  }
  watchKeys(center)
} catch (thrown) {
  // Stopped while it was starting: what that broke is no news.
  if (stopping === undefined) {
    const problems = (thrown.details?.problems ?? []).map(({ path, message }) => `\n  ${path}: ${message}`)
    say(`${thrown.message}${problems.join('')}`)
  }
  await stop(1)
}

/** Ready means that a question can be answered: linked, and serving the bundle that was applied. */
async function servesTenant({ tenant: id, digest }) {
  const status = (query) =>
    adminCall(adminSocketPath(edgeState), 'GET', `/v1/status?${query}`, undefined, {
      timeoutMs: 2 * READY_MS,
    })
  try {
    await status(`tenant=${id}@${digest}&link=ready&timeoutMs=${READY_MS}`)
  } catch (thrown) {
    const { link } = await status('timeoutMs=0')
    const why =
      link.state === 'ready'
        ? thrown.message
        : `its link is ${link.state}: ${link.reason ?? 'no reason given'}`
    throw new Error(`the edge does not serve ${id}; ${why}
if the center's state was removed or is another one, remove ${edgeState} too`)
  }
}

/** On a terminal: `k` stops or starts the center, `q` quits. */
function watchKeys(center) {
  if (!process.stdin.isTTY || json) return
  process.stdin.setRawMode(true)
  process.stdin.resume()
  process.stdin.on('data', (keys) => {
    for (const key of keys.toString()) {
      if (key === 'q' || key === '\u0003') {
        process.stdin.setRawMode(false)
        void stop(0)
      } else if (key === 'k') void center.toggle()
    }
  })
}
