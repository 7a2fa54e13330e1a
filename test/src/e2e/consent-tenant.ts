import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { adminCall, adminSocketPath, YizhanError } from '@yizhan/kernel'
import type { Installation } from '../support/installation.js'

const FILES = {
  'tenant.yaml': `apiVersion: yizhan/v1
tenant: surgery
name: {zh: 诊室, en: Surgery}
languages: [en, zh]
privacy:
  contact: privacy@surgery.example
  purposes:
    answers:
      basis: consent
      title: {zh: 回答问题, en: Answering questions}
      notice: {zh: 您的提问会被保存。, en: What you ask is kept.}
      version: "1"
      channels: [web]
  offlineLease: 1h
`,
  'channels.yaml': 'web: {platform: web}\n',
  'intents/all.yaml': `desk.hours:
  ask: |
    When do you open?
    opening hours
    Are you open on Saturday?
    你们几点开门
    营业时间
    周六开门吗
  reply: {zh: 八点。, en: At eight.}
desk.address:
  ask: |
    Where are you?
    your address
    How do I get there?
    你们在哪
    地址
    怎么过来
  reply: {zh: 一楼。, en: Ground floor.}
`,
}

/** A tenant that asks for consent on its page, in a directory of its own. */
export async function consentTenant(t: { after(fn: () => unknown): unknown }): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'yz-surgery-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(FILES)) {
    await mkdir(dirname(join(dir, name)), { recursive: true })
    await writeFile(join(dir, name), text)
  }
  return dir
}

/** The id under which the center knows an MQTT user of the tenant; undefined if it has never heard of them. */
export async function subjectOf({ centerState }: Installation, sender: string): Promise<string | undefined> {
  const path = '/v1/tenants/surgery/privacy/subjects/find'
  try {
    const found = await adminCall(adminSocketPath(centerState), 'POST', path, { channel: 'mqtt', sender })
    return (found as { subject: string }).subject
  } catch (thrown) {
    if (thrown instanceof YizhanError && thrown.code === 'not_found') return undefined
    throw thrown
  }
}
