// `npm start`: one center and one or more edge agents on this machine, as processes of their own, with a small tenant;
// the link between them can be cut, and the center killed.
import { join } from 'node:path'
import { root, setUp } from './setup.mjs'
import { startBranches } from './start/branches.mjs'
import { superviseProcess } from './start/child.mjs'
import { createDemo, demoRoutes } from './start/demo.mjs'
import { environmentFor, llmSettings } from './start/environment.mjs'
import { hasKeys, watchKeys } from './start/keys.mjs'
import { openLogFile } from './start/log-file.mjs'
import { residentMib } from './start/memory.mjs'
import { readOptions } from './start/options.mjs'
import { watchParent } from './start/parent.mjs'
import { portProblems } from './start/ports.mjs'
import { readyLine, readyText } from './start/report.mjs'
import { sitesOf } from './start/sites.mjs'
import { applyTenants, readTenants } from './start/tenants.mjs'
import { WORDS } from './start/words.mjs'

const HOST = '127.0.0.1'
const options = readOptions(root, process.argv.slice(2), process.env)
const { state, ports, lang, json } = options
const words = WORDS[lang]
let isReady = false
const say = (text) => {
  const time = isReady ? `${new Date().toTimeString().slice(0, 8)}  ` : ''
  process.stderr.write(`${time}${text}\n`)
}

const opened = []
let stopping
/** Last opened first: the edges, so that their last words still reach the center; then the center. */
function stop(code) {
  stopping ??= (async () => {
    for (const close of opened.reverse()) await close()
    process.exit(code)
  })()
  return stopping
}
// `on`, not `once`: npm passes on the Ctrl-C that the terminal has sent already.
process.on('SIGINT', () => void stop(0))
process.on('SIGTERM', () => void stop(0))
process.on('SIGHUP', () => void stop(0))
watchParent(process.env, () => {
  say(words.parentGone)
  void stop(0)
})
// A terminal that is gone takes no more words.
process.stderr.on('error', () => {})
process.stdout.on('error', () => {})

try {
  await setUp()
  await start()
} catch (thrown) {
  // Stopped while it was starting: what that broke is no news.
  if (stopping === undefined) {
    const problems = (thrown.details?.problems ?? []).map(({ path, message }) => `\n  ${path}: ${message}`)
    say(`${thrown.message}${problems.join('')}${thrown.hint ? `\n${thrown.hint}` : ''}`)
  }
  await stop(1)
}

async function start() {
  const { adminCall, adminSocketPath, shortSocketPath, silentLogger, startAdminServer } = await import(
    '@yizhan/kernel'
  )
  const [{ readTenantDirectory }, { CenterConfig }, { EdgeConfig }, { TcpProxy }] = await Promise.all([
    import('../center/dist/tenants/index.js'),
    import('../center/dist/config.js'),
    import('../edge-agent/dist/config.js'),
    import('../test/dist/support/tcp-proxy.js'),
  ])
  const tenants = await readTenants(options.tenants, readTenantDirectory)
  const problems = await portProblems(HOST, ports, words)
  if (problems.length > 0) throw new Error(problems.join('\n'))

  // First of all: it also says whether somebody else runs on this state.
  let demo
  const demoSocket = shortSocketPath(state, 'demo.sock')
  const socket = await startAdminServer(
    { log: silentLogger() },
    { socketPath: demoSocket, routes: (app) => demoRoutes(app, () => demo) },
  )
  opened.push(() => socket.stop('stop'))

  const logError = (path) => (error) => say(words.noLog(path, error.code))
  const centerState = join(state, 'center')
  const centerLog = join(state, 'log', 'center.log')
  const bound = { center: ports.center, enroll: 0, api: ports.api }
  const center = superviseProcess({
    name: 'center',
    log: openLogFile(centerLog, logError(centerLog)),
    tell: (event) => tell(words.theCenter, event),
    command: () => ({
      args: [
        join(root, 'center', 'bin', 'yizhan-center.js'),
        'serve',
        ...['--state', centerState, '--with-parent'],
        ...['--link-port', String(bound.center), '--enroll-port', String(bound.enroll)],
        ...['--api-port', String(bound.api)],
      ],
      env: {
        YIZHAN_GATEWAY__HOST: HOST,
        YIZHAN_INFERENCE__EXTRACTIVE__PACE_MS: '15',
        ...environmentFor(CenterConfig, EdgeConfig, process.env),
        ...llmSettings(process.env),
      },
    }),
  })
  opened.push(() => center.stop())
  const centerReady = await center.ready()
  bound.center = portOf(centerReady.link)
  bound.enroll = portOf(centerReady.enroll)
  bound.api = portOf(centerReady.api)

  const proxy = await TcpProxy.start({ host: HOST, port: bound.center })
  opened.push(() => proxy.close())
  const edgeApi = (edgeState, path, timeoutMs, signal) =>
    adminCall(adminSocketPath(edgeState), 'GET', path, undefined, {
      timeoutMs,
      ...(signal ? { signal } : {}),
    })
  demo = createDemo({ proxy, center, words, say, edgeApi })

  const api = (method, path, body) =>
    adminCall(adminSocketPath(centerState), method, path, body, { timeoutMs: 600_000 })
  const applying = applyTenants(tenants, { api, lang })
  applying.catch(() => {})
  const edges = []
  opened.push(() => Promise.all(edges.map((edge) => edge.stop())))
  const branches = await startBranches(
    {
      api,
      edgeApi,
      words,
      say,
      tell,
      logError: logError(join(state, 'log')),
      bin: join(root, 'edge-agent', 'bin', 'yizhan-edge.js'),
      onStart: (edge) => edges.push(edge),
    },
    {
      sites: sitesOf(options.edges, lang),
      state,
      ports,
      centerAddress: proxy.address,
      enroll: () => `${HOST}:${bound.enroll}`,
      applying,
      env: {
        YIZHAN_CHAT__SHOW_ROUTE: 'true',
        // Somebody watches for the link to come back.
        YIZHAN_UPLINK__BACKOFF_MAX_MS: '2000',
        ...environmentFor(EdgeConfig, CenterConfig, process.env),
        YIZHAN_CHAT__DEMO_SOCKET: demoSocket,
      },
    },
  )
  demo.setEdges(branches.map((branch) => branch.state))
  // Before the edges: one that is asked about its link would wait for it while it stops.
  opened.push(() => demo.stop())

  const facts = {
    center: { link: centerReady.link, api: centerReady.api, pid: center.pid() },
    branches,
    tenants: (await applying).map(({ tenant }) => tenant),
    state,
    demoSocket,
    tookMs: Math.round(performance.now()),
    memory: {
      center: residentMib(center.pid()),
      edges: branches.map(({ child }) => residentMib(child.pid())),
    },
    keys: !json && hasKeys(process.stdin),
  }
  process.stdout.write(json ? `${readyLine(facts)}\n` : readyText(facts, words))
  isReady = true
  if (facts.keys) watchKeys(process.stdin, keysOf(demo))

  function tell(name, event) {
    if (stopping !== undefined) return
    if (event.what === 'killed') say(words.killed(event.inMs / 1000))
    else if (event.what === 'ended') say(words.ended(name, event.how, event.inMs / 1000))
    else if (event.what === 'starting') say(words.starting(name))
    else if (event.what === 'failed') say(event.message)
    else say(words.back(name))
    if (event.what === 'back' && name === words.theCenter) demo?.centerIsBack()
  }
}

function keysOf(demo) {
  const status = () => say(demo.line())
  return {
    c: () => demo.setLink(demo.state().link === 'up' ? 'cut' : 'up'),
    k() {
      const { center } = demo.state()
      if (center === 'starting') say(words.starting(words.theCenter))
      else demo.setCenter(center === 'running' ? 'killed' : 'running')
    },
    q() {
      process.stdin.setRawMode(false)
      say(words.stopping)
      void stop(0)
    },
    '?': () => say(words.keys),
    '\r': status,
    '\n': status,
  }
}

function portOf(address) {
  return Number(address.split(':').at(-1).replace('/', ''))
}
