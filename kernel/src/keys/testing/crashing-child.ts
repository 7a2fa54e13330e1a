import { createHash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { systemClock } from '../../clock.js'
import type { TenantId } from '../../ids.js'
import type { Logger } from '../../log.js'
import { fileKek } from '../local-kek.js'
import { openKeyStore } from '../open-key-store.js'

/*
 * A process that works on a key store until it is killed. Each line it writes is true at that moment: `made` and `gone`
 * are acknowledged, `going` is begun.
 */
const [, , mode = '', dir = '', kekPath = '', round = ''] = process.argv
// The real one takes most of the time that this process needs to start.
const log = { error() {}, warn() {}, info() {} } as unknown as Logger
const never = new AbortController().signal
const tell = (...words: string[]) => writeSync(1, `${words.join(' ')}\n`)
const kek = await fileKek(kekPath, { mayCreate: false })
const store = await openKeyStore({ kek, log, clock: systemClock }, { dir })
tell('ready')

async function make(tenant: TenantId, subject: string): Promise<void> {
  const { id, secret } = await store.sealingKey(tenant, subject)
  const digest = createHash('sha256').update(secret).digest('hex')
  tell('made', tenant, subject, Buffer.from(id).toString('hex'), digest)
}

async function destroy(tenant: TenantId, subject: string): Promise<void> {
  tell('going', tenant, subject)
  await store.destroySubject(tenant, subject)
  tell('gone', tenant, subject)
}

for (let i = 0; ; i++) {
  const tenant = `t${i % 20}` as TenantId
  if (mode === 'kek') {
    await store.rotateKek(never)
    tell('wrapped')
  } else {
    const names = [0, 1, 2].map((n) => `sub_${round}_${i}_${n}`)
    await Promise.all(names.map((name) => make(tenant, name)))
    await Promise.all([make(tenant, `${names[0]}_late`), destroy(tenant, names[1] ?? '')])
    if (i % 5 === 4) {
      await store.rotateTenant(tenant)
      await store.retireOldTenantKeys(tenant, never)
    }
  }
}
