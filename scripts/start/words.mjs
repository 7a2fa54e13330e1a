// What `npm start` says to people, in English and in Chinese.

const EN = {
  portTaken: (port, code, flag) =>
    code === 'EADDRINUSE'
      ? `port ${port} is taken: choose another with ${flag} N (0 = any free one)`
      : `port ${port} cannot be opened (${code}): choose another with ${flag} N`,
  noLog: (path, code) => `the log ${path} cannot be written (${code}); going on without it`,
  revoked: (edge, state) =>
    `the edge ${edge} was revoked for good: start with another --state, or remove ${state}`,
  notServed: (edge, tenant, why, state) => `the edge ${edge} does not serve ${tenant}; ${why}
if the center's state was removed or is another one, remove ${state} too`,
  linkIs: (state, reason) => `its link is ${state}: ${reason ?? 'no reason given'}`,
  edgeReady: (id, at, count) => `${id} is ready (${at} of ${count})`,
  parentGone: 'npm is gone; stopping',
  stopping: 'stopping: edges first, then the center',
  killed: (s) => `center killed (kill -9); it starts again in ${s} s, or at once with k`,
  ended: (name, how, s) => `${name} ended (${how}); starting it again in ${s} s`,
  back: (name) => `${name} is back`,
  theCenter: 'the center',
  starting: (name) => `${name} is starting`,
  cut: 'link cut: the branches answer what they can, the rest waits with a ticket; c restores it',
  restored: 'link restored',
  linked: (count, s) =>
    `${count === 1 ? 'the edge is' : `all ${count} edges are`} linked again, after ${s} s`,
  link: { up: 'link up', cut: 'link cut' },
  center: { running: 'center running', stopped: 'center stopped', starting: 'center starting' },
  status: (link, center, edges) => `${link} · ${center} · ${edges} ${edges === 1 ? 'edge' : 'edges'}`,
  keys: 'keys: c cut or restore the link · k kill -9 the center (it starts again after 5 s) · Enter status · q quit · ? this',
  table: { edge: 'edge', site: 'site', page: 'page', mqtt: 'MQTT', memory: 'MiB' },
  ready: ({ took, center, edges }) => `ready after ${took} s; memory: center ${center}, ${edges}`,
  memory: (count, mib) => (count === 1 ? `edge ${mib} MiB` : `${count} edges ${mib} MiB together`),
  mib: (mib) => `${mib ?? '?'} MiB`,
  where: {
    page: 'chat in the browser',
    terminal: 'chat in the terminal',
    client: 'any MQTT client',
    api: 'center, admin API',
    token: (path) => `(token in ${path})`,
    question: 'How do I connect to the VPN?',
  },
  state: (dir) => `state and logs in ${dir}; Ctrl-C stops all`,
}

/** Chinese text follows Chinese names at once, others after a space. */
const named = (name) => (/[\x21-\x7e]$/.test(name) ? `${name} ` : name)

const ZH = {
  portTaken: (port, code, flag) =>
    code === 'EADDRINUSE'
      ? `端口 ${port} 已被占用：用 ${flag} N 换一个（0 表示任意空闲端口）`
      : `端口 ${port} 打不开（${code}）：用 ${flag} N 换一个`,
  noLog: (path, code) => `日志 ${path} 写不进去（${code}），不写日志继续运行`,
  revoked: (edge, state) => `边缘节点 ${edge} 已被永久吊销：换一个 --state，或删除 ${state}`,
  notServed: (edge, tenant, why, state) => `边缘节点 ${edge} 没有提供租户 ${tenant}；${why}
如果中心的状态目录被删除或换过，请把 ${state} 也删除`,
  linkIs: (state, reason) => `链路状态为 ${state}：${reason ?? '没有说明原因'}`,
  edgeReady: (id, at, count) => `${id} 就绪（${at}/${count}）`,
  parentGone: 'npm 已经退出，正在停止',
  stopping: '正在停止：先边缘，后中心',
  killed: (s) => `中心已被 kill -9，${s} 秒后重新启动，按 k 立即启动`,
  ended: (name, how, s) => `${named(name)}退出了（${how}），${s} 秒后重新启动`,
  back: (name) => `${named(name)}已恢复`,
  theCenter: '中心',
  starting: (name) => `${named(name)}正在启动`,
  cut: '链路已切断：分支能答的照答，其余的领号等候；按 c 恢复',
  restored: '链路已恢复',
  linked: (count, s) => `${count === 1 ? '边缘节点' : `${count} 个边缘节点全部`}重新连上，用时 ${s} 秒`,
  link: { up: '链路正常', cut: '链路已切断' },
  center: { running: '中心运行中', stopped: '中心已停', starting: '中心启动中' },
  status: (link, center, edges) => `${link} · ${center} · ${edges} 个边缘节点`,
  keys: '按键：c 切断或恢复链路 · k 对中心 kill -9（5 秒后自动重启） · 回车 状态 · q 退出 · ? 本说明',
  table: { edge: '节点', site: '站点', page: '网页', mqtt: 'MQTT', memory: 'MiB' },
  ready: ({ took, center, edges }) => `${took} 秒后就绪；内存：中心 ${center}，${edges}`,
  memory: (count, mib) => (count === 1 ? `边缘节点 ${mib} MiB` : `${count} 个边缘节点共 ${mib} MiB`),
  mib: (mib) => `${mib ?? '?'} MiB`,
  where: {
    page: '网页聊天',
    terminal: '终端聊天',
    client: '任意 MQTT 客户端',
    api: '中心管理接口',
    token: (path) => `（令牌在 ${path}）`,
    question: '怎么连 VPN？',
  },
  state: (dir) => `状态与日志在 ${dir}；Ctrl-C 全部停止`,
}

/** By YIZHAN_LANG, LC_ALL, LC_MESSAGES or LANG. */
export function languageOf(env) {
  const lang = env.YIZHAN_LANG || env.LC_ALL || env.LC_MESSAGES || env.LANG || 'en'
  return lang.toLowerCase().startsWith('zh') ? 'zh' : 'en'
}

export const WORDS = { en: EN, zh: ZH }
