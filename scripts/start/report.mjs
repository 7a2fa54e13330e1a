// What `npm start` says once all is ready.
import { join } from 'node:path'

/** One line for programs; fields are only ever added. */
export function readyLine({ center, branches, tenants, demoSocket, tookMs, memory }) {
  const [first] = branches
  return JSON.stringify({
    ready: true,
    chat: first.chat,
    mqtt: first.mqtt,
    center: center.link,
    api: center.api,
    tenant: tenants[0],
    pids: { center: center.pid, edge: first.child.pid() },
    tenants,
    edges: branches.map(({ id, site, chat, mqtt, child }) => ({ id, site, chat, mqtt, pid: child.pid() })),
    demo: demoSocket,
    tookMs,
    residentMib: memory,
  })
}

/** The same for people. */
export function readyText({ center, branches, tenants, state, tookMs, memory, keys }, words) {
  const [first] = branches
  const { where } = words
  const mqttPort = new URL(first.mqtt).port
  const topic = `yizhan/${tenants[0]}/me/1`
  const rows = [
    [where.page, first.chat],
    [where.terminal, `npm run chat -- --mqtt ${first.mqtt}`],
    [where.client, `mosquitto_sub -p ${mqttPort} -t '${topic}/#' &`],
    ['', `mosquitto_pub -p ${mqttPort} -q 1 -t ${topic}/in -m '{"id":"1","text":"${where.question}"}'`],
    [where.api, `${center.api}   ${where.token(join(state, 'center', 'api-token'))}`],
  ]
  const together = memory.edges.reduce((sum, mib) => sum + (mib ?? 0), 0)
  const facts = words.ready({
    took: (tookMs / 1000).toFixed(1),
    center: words.mib(memory.center),
    edges: words.memory(branches.length, together),
  })
  const table = branches.length === 1 ? [] : ['', ...tableOf(branches, memory, words.table)]
  return `
${columns(rows)}
${table.length > 0 ? `${table.join('\n')}\n` : ''}
  ${words.state(state)}
  ${facts}
${keys ? `  ${words.keys}\n` : ''}`
}

function tableOf(branches, memory, head) {
  const rows = branches.map(({ id, site, chat, mqtt }, at) => [
    id,
    site,
    chat,
    mqtt,
    String(memory.edges[at] ?? '?'),
  ])
  return columns([[head.edge, head.site, head.page, head.mqtt, head.memory], ...rows]).split('\n')
}

/** Wide characters take two columns. */
function width(text) {
  return [...text].reduce((sum, char) => sum + (char.codePointAt(0) >= 0x2e80 ? 2 : 1), 0)
}

function columns(rows) {
  const widths = rows[0].map((_, at) => Math.max(...rows.map((row) => width(row[at]))))
  return rows
    .map((row) =>
      `  ${row.map((cell, at) => cell + ' '.repeat(widths[at] - width(cell))).join('   ')}`.trimEnd(),
    )
    .join('\n')
}
