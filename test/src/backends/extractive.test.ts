import assert from 'node:assert/strict'
import { backendContract } from './contract.js'
import { ASKED } from './requests.js'
import { openBackend } from './settings.js'

const passage = { document: 'badge.md', title: 'Badges', heading: '', score: 1 }
const terms = { weigh: (_: unknown, text: string) => new Map(text.split(/\W+/).map((word) => [word, 1])) }

backendContract('extractive', async (scope, behaviour) => {
  const passages = {
    answers: [{ ...passage, text: 'Put the badge into the box at the gate.' }],
    stalls: [{ ...passage, text: 'Put the badge into the box at the gate.' }],
    wide: [{ ...passage, text: '请把工牌😀放进门口的盒子里。' }],
    empty: [],
  }
  if (!(behaviour in passages)) return undefined
  const paceMs = behaviour === 'stalls' ? 3_600_000 : 0
  const { backend } = await openBackend(scope, 'extractive', { paceMs }, { terms })
  assert.ok(backend)
  const request = { ...ASKED, passages: passages[behaviour as keyof typeof passages] }
  return { backend, request, idle: async () => undefined }
})
