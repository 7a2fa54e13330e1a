import { createHmac, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type Clock, type Outbound, sha256Hex, systemCode, YizhanError } from '@yizhan/kernel'
import type { WebhookConfig } from './anchor-config.js'
import type { AnchorTarget } from './anchor-target.js'

const TIMEOUT_MS = 10_000
const MIN_SECRET_BYTES = 16

/**
 * POST of `{"anchors":[…]}`. `x-yizhan-signature: v1=` is hex HMAC-SHA-256 by the secret over `x-yizhan-timestamp` (seconds),
 * a point, `x-yizhan-nonce`, a point and the body: refuse what is old or was seen. Anything but 2xx is sent again; a
 * redirect is not followed. Throws `config_invalid` for a secret that is too short.
 */
export async function openWebhookTarget(
  deps: { readonly clock: Clock; readonly fetch: Outbound['fetch'] },
  config: WebhookConfig,
): Promise<AnchorTarget> {
  const { clock, fetch } = deps
  const secret = await secretIn(config.secretFile)
  return {
    id: `webhook-${sha256Hex(config.url).slice(0, 8)}`,
    maxBatch: 100,
    async send(anchors, signal) {
      const body = JSON.stringify({ anchors })
      const gaveUp = new AbortController()
      const cancel = clock.after(TIMEOUT_MS, () =>
        gaveUp.abort(new YizhanError('deadline_exceeded', 'the webhook does not answer')),
      )
      const either = AbortSignal.any([signal, gaveUp.signal])
      try {
        const response = await fetch(config.url, {
          method: 'POST',
          body,
          headers: { 'content-type': 'application/json', ...signatureOf(body, secret, clock.wall()) },
          redirect: 'manual',
          signal: either,
        })
        await response.body?.cancel()
        if (!response.ok) {
          throw new YizhanError('unavailable', `the webhook answered ${response.status}`, {
            details: { status: response.status },
          })
        }
      } catch (thrown) {
        if (either.aborted) throw either.reason
        if (thrown instanceof YizhanError) throw thrown
        throw new YizhanError('unavailable', 'the webhook cannot be reached', { cause: thrown })
      } finally {
        cancel()
      }
    },
    async close() {},
  }
}

function signatureOf(body: string, secret: Buffer, wallMs: number): Record<string, string> {
  const timestamp = String(Math.floor(wallMs / 1_000))
  const nonce = randomBytes(16).toString('hex')
  const mac = createHmac('sha256', secret).update(`${timestamp}.${nonce}.${body}`).digest('hex')
  return {
    'x-yizhan-timestamp': timestamp,
    'x-yizhan-nonce': nonce,
    'x-yizhan-signature': `v1=${mac}`,
  }
}

async function secretIn(path: string): Promise<Buffer> {
  let text: string
  try {
    text = (await readFile(path, 'utf8')).trim()
  } catch (cause) {
    throw unusable(path, `cannot be read (${systemCode(cause)})`, cause)
  }
  const secret = Buffer.from(text)
  if (secret.length >= MIN_SECRET_BYTES) return secret
  throw unusable(path, `is shorter than ${MIN_SECRET_BYTES} bytes`)
}

function unusable(path: string, why: string, cause?: unknown): YizhanError {
  return new YizhanError('config_invalid', `audit.anchor.to: the secret of the webhook ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    details: { path },
    hint: `openssl rand -hex 32 > ${path}`,
  })
}
