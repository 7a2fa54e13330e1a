import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BRANCH } from '../support/installation.js'

/** What is said word for word to call a skill that harms the edge. */
export const HARM = { spin: '请原地转圈圈', eat: '请把内存吃光光' } as const
/** How long `spin` blocks the event loop. */
export const SPIN_MS = 5_000

const INTENTS = `fault.spin:
  ask: |
    ${HARM.spin}
    转圈圈转起来
    原地打转转吧
  reply: {skill: spin}
fault.eat:
  ask: |
    ${HARM.eat}
    吃光光内存条
    内存全部吃掉吧
  reply: {skill: eat}
`

const SPIN = `export default {
  name: 'spin',
  answer() {
    const until = performance.now() + ${SPIN_MS}
    while (performance.now() < until);
    return 'I spun.'
  },
}
`

// Once for each file `hungry` beside it: a turn that is taken up again after the kill does no harm.
const EAT = `import { rmSync } from 'node:fs'

const hungry = new URL('./hungry', import.meta.url)

export default {
  name: 'eat',
  answer() {
    try {
      rmSync(hungry)
    } catch {
      return 'I am full.'
    }
    const eaten = []
    for (;;) eaten.push(Buffer.alloc(4 << 20, 1))
  },
}
`

export interface FaultTenant {
  readonly tenant: string
  readonly edgeEnv: Readonly<Record<string, string>>
  /** Arms `eat` for one time. */
  makeHungry(): Promise<void>
}

/** The tenant of the cases with skills that harm the edge. */
export async function faultTenant(dir: string): Promise<FaultTenant> {
  const tenant = join(dir, 'tenant')
  const skills = join(dir, 'skills')
  await cp(BRANCH, tenant, { recursive: true })
  // Two more intents move a score across a threshold; its tests are not what is tried here.
  await rm(join(tenant, 'tests'), { recursive: true })
  await mkdir(skills)
  await writeFile(join(tenant, 'intents', 'faults.yaml'), INTENTS)
  await writeFile(join(skills, 'spin.mjs'), SPIN)
  await writeFile(join(skills, 'eat.mjs'), EAT)
  return {
    tenant,
    edgeEnv: { YIZHAN_SKILLS__DIR: skills },
    makeHungry: () => writeFile(join(skills, 'hungry'), ''),
  }
}
