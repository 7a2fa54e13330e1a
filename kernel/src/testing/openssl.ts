import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export interface IssuedCertificate {
  readonly key: string
  readonly cert: string
  readonly der: Uint8Array
}

/**
 * For tests: a self-signed certificate made by the `openssl` program, or undefined after the test was marked as
 * skipped because there is none (a failure under YIZHAN_TEST_REQUIRE=all).
 */
export function issueByOpenssl(
  t: TestContext,
  env: Readonly<Record<string, string | undefined>>,
  subjectAltName: string,
): IssuedCertificate | undefined {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
  } catch (thrown) {
    if (env.YIZHAN_TEST_REQUIRE === 'all') throw thrown
    t.diagnostic('SKIPPED: openssl is not installed')
    t.skip('SKIPPED: openssl is not installed')
    return undefined
  }
  const directory = mkdtempSync(join(tmpdir(), 'yizhan-test-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'],
      ...['-subj', '/CN=yizhan', '-addext', `subjectAltName=${subjectAltName}`, '-keyout', key, '-out', cert],
    ],
    { stdio: 'ignore' },
  )
  const pem = readFileSync(cert, 'utf8')
  const body = pem.replace(/-----[A-Z ]+-----/g, '')
  return { key: readFileSync(key, 'utf8'), cert: pem, der: Buffer.from(body, 'base64') }
}
