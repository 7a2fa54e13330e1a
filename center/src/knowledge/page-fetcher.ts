import { createOutbound, deadlineSignal, toYizhanError, YizhanError } from '@yizhan/kernel'
import ipaddr from 'ipaddr.js'
import type { Wording } from '../tenants/problem.js'
import type { GivenSource } from './library.js'
import { isPublic, publicLookup, type Resolve, systemResolve } from './public-addresses.js'

export interface PageFetcherConfig {
  /** Names of hosts that may stand in this organisation's own networks, on any port; default none. */
  readonly allowedHosts?: readonly string[]
  /** For one page with all that it leads to; default 20,000. */
  readonly timeoutMs?: number
  /** Default 16 MiB. */
  readonly maxBytes?: number
}

export type FetchedPage =
  | { readonly source: GivenSource }
  | { readonly name: string; readonly problem: Wording }

/** Fetches pages whose addresses people wrote: only what lies on the public internet, or on a host that is allowed. */
export interface PageFetcher {
  /** Rejects with the signal's reason alone; everything else is told as a problem. */
  fetch(address: string, signal: AbortSignal): Promise<FetchedPage>
  close(): Promise<void>
}

const MAX_REDIRECTS = 5
const ENDINGS: Readonly<Record<string, string>> = {
  'text/html': 'html',
  'application/xhtml+xml': 'html',
  'text/plain': 'txt',
  'text/markdown': 'md',
  'application/pdf': 'pdf',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
}

export function createPageFetcher(
  config: PageFetcherConfig = {},
  resolve: Resolve = systemResolve,
): PageFetcher {
  const { allowedHosts = [], timeoutMs = 20_000, maxBytes = 16 * 1024 * 1024 } = config
  const allowed = new Set(allowedHosts.map((host) => host.toLowerCase()))
  const outbound = createOutbound({ lookup: publicLookup(resolve, allowed), maxConnections: 4 })

  /** Follows by hand: each hop is looked at before it is asked. */
  async function follow(start: URL, signal: AbortSignal) {
    let url = start
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const refusal = refusalOf(url, allowed)
      if (refusal) throw new Refused(refusal)
      const response = await outbound.fetch(url.href, {
        redirect: 'manual',
        signal,
        headers: { accept: '*/*' },
      })
      const location = response.headers.get('location')
      if (response.status < 300 || response.status >= 400 || location === null) return response
      await response.body?.cancel()
      if (!URL.canParse(location, url.href)) throw new Refused(BAD_REDIRECT)
      url = new URL(location, url.href)
    }
    throw new Refused(BAD_REDIRECT)
  }

  async function load(url: URL, name: string, signal: AbortSignal): Promise<GivenSource> {
    const response = await follow(url, signal)
    const [type = '', ...parameters] = (response.headers.get('content-type') ?? '').toLowerCase().split(';')
    const ending = Object.hasOwn(ENDINGS, type.trim()) ? ENDINGS[type.trim()] : undefined
    if (!response.ok || ending === undefined) {
      await response.body?.cancel()
      throw new Refused(response.ok ? otherType(type) : answered(response.status))
    }
    const chunks: Uint8Array[] = []
    let size = 0
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength
      if (size > maxBytes) throw new Refused(TOO_LARGE)
      chunks.push(chunk)
    }
    return { name, ending, bytes: inUtf8(Buffer.concat(chunks), ending, parameters.join(';')) }
  }

  return {
    async fetch(address, signal) {
      if (!URL.canParse(address)) return { name: address, problem: BAD_ADDRESS }
      const url = new URL(address)
      url.hash = ''
      const name = url.href
      const timeout = deadlineSignal(timeoutMs)
      try {
        return { source: await load(url, name, AbortSignal.any([signal, timeout])) }
      } catch (thrown) {
        signal.throwIfAborted()
        if (thrown instanceof Refused) return { name, problem: thrown.wording }
        return { name, problem: timeout.aborted ? TOO_SLOW : failed(thrown) }
      }
    },
    close: () => outbound.close(),
  }
}

class Refused extends Error {
  readonly wording: Wording

  constructor(wording: Wording) {
    super(wording.en)
    this.wording = wording
  }
}

/** What the address alone forbids; names are judged when they are looked up. */
function refusalOf(url: URL, allowed: ReadonlySet<string>): Wording | undefined {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return BAD_ADDRESS
  if (url.username !== '' || url.password !== '') return BAD_ADDRESS
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (allowed.has(host)) return undefined
  // WHATWG URLs leave out the port that belongs to the scheme.
  if (url.port !== '') return NOT_PUBLIC
  return ipaddr.isValid(host) && !isPublic(host) ? NOT_PUBLIC : undefined
}

function inUtf8(bytes: Uint8Array, ending: string, parameters: string): Uint8Array {
  const charset = /charset\s*=\s*"?([^\s";]+)/.exec(parameters)?.[1]
  if (charset === undefined || ending === 'pdf' || ending === 'docx') return bytes
  try {
    return Buffer.from(new TextDecoder(charset).decode(bytes))
  } catch {
    return bytes
  }
}

function failed(thrown: unknown): Wording {
  const cause = thrown instanceof Error && thrown.cause instanceof YizhanError ? thrown.cause : thrown
  return toYizhanError(cause).code === 'permission_denied' ? NOT_PUBLIC : UNREACHABLE
}

function answered(status: number): Wording {
  return { en: `was answered with ${status}`, zh: `服务器返回 ${status}` }
}

function otherType(type: string): Wording {
  const shown = type.replace(/[^\w.+/-]/g, '').slice(0, 80) || '?'
  return {
    en: `is ${shown}, none of HTML, text, Markdown, PDF, Word`,
    zh: `类型为 ${shown}，不是 HTML、文本、Markdown、PDF 或 Word`,
  }
}

const BAD_ADDRESS: Wording = {
  en: 'is no address that begins with http:// or https://, without a name and password',
  zh: '不是以 http:// 或 https:// 开头且不含用户名密码的网址',
}
const NOT_PUBLIC: Wording = {
  en: 'does not lie on the public internet; name its host in knowledge.allowedHosts if it shall be fetched',
  zh: '不在公共互联网上；如需抓取，请将其主机名列入 knowledge.allowedHosts',
}
const BAD_REDIRECT: Wording = { en: 'leads on too often, or to no address', zh: '跳转过多，或跳转目标无效' }
const TOO_LARGE: Wording = { en: 'is larger than 16 MiB', zh: '超过 16 MiB' }
const TOO_SLOW: Wording = { en: 'did not come in time', zh: '未在限定时间内返回' }
const UNREACHABLE: Wording = { en: 'could not be reached', zh: '无法访问' }
