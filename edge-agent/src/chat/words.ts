/** What the terminal client itself says; answers come from the edge in the asker's language. */
export interface Words {
  readonly hello: (edge: string, tenant: string) => string
  readonly lost: string
  readonly back: string
  readonly late: (question: string) => string
  readonly refused: (code: string, message: string) => string
  readonly startsAnew: string
  readonly by: { readonly edge: string; readonly center: string; readonly queued: string }
}

const EN: Words = {
  hello: (edge, tenant) => `Connected to ${edge} (${tenant}). /help for commands, /quit to leave.`,
  lost: 'Connection lost; trying again. Nothing that was sent is lost.',
  back: 'Connected again.',
  late: (question) => `Answer to “${question}”:`,
  refused: (code, message) => `Not taken (${code}): ${message}`,
  startsAnew: '(the answer starts anew)',
  by: { edge: 'edge', center: 'center', queued: 'waiting' },
}

const ZH: Words = {
  hello: (edge, tenant) => `已连接 ${edge}（${tenant}）。/help 查看命令，/quit 退出。`,
  lost: '连接中断，正在重连；已发送的不会丢失。',
  back: '已重新连接。',
  late: (question) => `关于「${question}」的答复：`,
  refused: (code, message) => `未接收（${code}）：${message}`,
  startsAnew: '（答复重新开始）',
  by: { edge: '本地', center: '中心', queued: '等待中' },
}

/** By YIZHAN_LANG, LC_ALL, LC_MESSAGES or LANG. */
export function wordsFor(env: Readonly<Record<string, string | undefined>>): Words {
  const lang = env.YIZHAN_LANG ?? env.LC_ALL ?? env.LC_MESSAGES ?? env.LANG ?? 'en'
  return lang.toLowerCase().startsWith('zh') ? ZH : EN
}
