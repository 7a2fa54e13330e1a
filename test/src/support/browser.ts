import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core'
import { root } from './installation.js'
import { available } from './required.js'

export interface PageOptions {
  readonly language?: 'zh-CN' | 'en'
  readonly theme?: 'light' | 'dark'
  readonly phone?: boolean
}

const PHONE = { viewport: { width: 375, height: 740 }, hasTouch: true, isMobile: true }
const DESK = { viewport: { width: 1180, height: 820 } }

/** A browser for the tests of one file; undefined (and the test skipped by name) where there is no chromium. */
export async function startBrowser(t: TestContext): Promise<Browser | undefined> {
  if (!available(t, 'chromium')) return undefined
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--font-render-hinting=none']
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args })
  t.after(() => browser.close())
  return browser
}

/** A person at a browser of their own: nothing of another test is remembered there. */
export async function newPerson(
  browser: Browser,
  { language = 'en', theme = 'light', phone = false }: PageOptions = {},
): Promise<BrowserContext> {
  const device: BrowserContextOptions = phone ? PHONE : DESK
  const context = await browser.newContext({
    ...device,
    locale: language,
    colorScheme: theme,
    reducedMotion: 'reduce',
    timezoneId: 'Asia/Shanghai',
  })
  context.setDefaultTimeout(15_000)
  return context
}

/** What a page did that it should not: errors, refused content, requests to other hosts. */
export interface Watch {
  readonly errors: string[]
  readonly foreign: string[]
  /** Bytes over the network by the URL's path. */
  readonly sizes: Map<string, number>
}

export function watch(page: Page, origin: string): Watch {
  const seen: Watch = { errors: [], foreign: [], sizes: new Map() }
  page.on('pageerror', (error) => seen.errors.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' || /Content.Security.Policy/i.test(message.text())) {
      seen.errors.push(message.text())
    }
  })
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url())
    const own = host === new URL(origin).host || protocol === 'data:' || protocol === 'blob:'
    if (!own) seen.foreign.push(request.url())
  })
  return seen
}

const SHOTS = join(root, 'artifacts', 'page')

/** Kept to be looked at. */
export async function shoot(page: Page, name: string): Promise<void> {
  await mkdir(SHOTS, { recursive: true })
  await page.screenshot({ path: join(SHOTS, `${name}.png`) })
}
