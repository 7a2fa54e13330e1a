// The branches of `npm start`: each an edge agent, enrolled, linked and serving the tenants.
import { join } from 'node:path'
import { superviseProcess } from './child.mjs'
import { openLogFile } from './log-file.mjs'

const READY_MS = 60_000
const AT_ONCE = 3

/** Where a branch keeps its state; that of the first is where the `edge` command looks. */
export function stateOf(state, id, at) {
  return at === 0 ? join(state, 'edge') : join(state, 'edges', id)
}

/**
 * Starts every branch, a few at a time, and resolves when all serve what `applying` resolves with. `onStart` gets each
 * process as soon as there is one.
 */
export async function startBranches(deps, { sites, state, ports, centerAddress, enroll, env, applying }) {
  const { api, words, say, onStart } = deps
  const known = await api('GET', '/v1/edges')
  const branches = new Array(sites.length)
  let next = 0
  let ready = 0
  const worker = async () => {
    while (next < sites.length) {
      const at = next++
      branches[at] = await startBranch(at)
      ready += 1
      if (sites.length > 1) say(words.edgeReady(sites[at].id, ready, sites.length))
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, sites.length) }, worker))
  return branches

  async function startBranch(at) {
    const { id, site } = sites[at]
    const edgeState = stateOf(state, id, at)
    const entry = known.find((one) => one.edgeId === id)
    if (entry?.revoked) throw new Error(words.revoked(id, state))
    // An edge that the center knows starts while the tenants are applied; a new one needs to know which it joins.
    const joined = entry?.tenants.length ? entry.tenants : (await applying).map(({ tenant }) => tenant)
    // A token too many does no harm: it runs out, and an edge that has a certificate does not use it.
    const { token } = await api('POST', '/v1/edges/tokens', { edge: id, tenants: joined, site })
    const bound = at === 0 ? { ...ports } : { chat: 0, mqtt: 0 }
    const child = superviseProcess({
      name: id,
      log: openLogFile(join(state, 'log', at === 0 ? 'edge.log' : `edge-${id}.log`), deps.logError),
      tell: (event) => deps.tell(id, event),
      command: () => ({
        args: [
          deps.bin,
          'serve',
          ...['--state', edgeState, '--with-parent', '--site', site],
          ...['--link', centerAddress, '--enroll', enroll()],
          ...['--http-port', String(bound.chat), '--mqtt-port', String(bound.mqtt)],
        ],
        env: { ...env, YIZHAN_CENTER__JOIN_TOKEN: token },
      }),
    })
    onStart(child)
    const line = await child.ready()
    bound.chat = Number(new URL(line.chat).port)
    bound.mqtt = Number(new URL(line.mqtt).port)
    const applied = await applying
    const all = [...new Set([...joined, ...applied.map(({ tenant }) => tenant)])]
    if (entry && all.length > entry.tenants.length) {
      await api('POST', `/v1/edges/${id}/tenants`, { tenants: all })
    }
    for (const tenant of applied) await serves(id, edgeState, tenant)
    return { id, site, state: edgeState, chat: line.chat, mqtt: line.mqtt, child }
  }

  /** Ready means that a question can be answered: linked, and serving the bundle that was applied. */
  async function serves(id, edgeState, { tenant, digest }) {
    const status = (query) => deps.edgeApi(edgeState, `/v1/status?${query}`, 2 * READY_MS)
    try {
      await status(`tenant=${tenant}@${digest}&link=ready&timeoutMs=${READY_MS}`)
    } catch (thrown) {
      const { link } = await status('timeoutMs=0')
      const why = link.state === 'ready' ? thrown.message : words.linkIs(link.state, link.reason)
      throw new Error(words.notServed(id, tenant, why, edgeState))
    }
  }
}
