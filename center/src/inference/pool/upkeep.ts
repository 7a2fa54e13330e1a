import { type Clock, type Logger, type Running, toYizhanError, YizhanError } from '@yizhan/kernel'
import type { Member } from './member.js'
import type { Pool } from './pool.js'

/** A probe, or a look at the load, that takes longer has failed. */
const LOOK_MS = 5_000
const LOAD_EVERY_MS = 2_000
/** One probe may be lost on a busy server; of several in a row none is. */
const LOST_PROBES = 2

/** Asks the backends again and again whether they live and how full they are. `stop` waits for nothing. */
export function startPoolUpkeep(
  deps: { readonly pool: Pool; readonly clock: Clock; readonly log: Logger },
  config: { readonly probeMs: number },
): Running {
  const { pool, clock } = deps
  const stopping = new AbortController()
  const { signal } = stopping
  const loops = pool.members.flatMap((member) => {
    const probe = repeat(clock, config.probeMs, signal, prober(deps, member))
    return member.backend.load
      ? [probe, repeat(clock, LOAD_EVERY_MS, signal, loadReader(deps, member))]
      : [probe]
  })
  const done = Promise.all(loops).then(() => undefined)
  return {
    done,
    async stop(reason) {
      stopping.abort(new YizhanError('cancelled', reason))
      pool.stop()
      await done
    },
  }
}

type Look = (signal: AbortSignal) => Promise<void>

function prober({ pool, log }: { readonly pool: Pool; readonly log: Logger }, member: Member): Look {
  let lost = 0
  return async (signal) => {
    try {
      await member.backend.probe(signal)
      lost = 0
    } catch (thrown) {
      lost += 1
      if (lost >= LOST_PROBES && member.alive)
        log.warn({ backend: member.name, err: toYizhanError(thrown) }, 'a backend does not answer its probes')
    }
    const alive = lost < LOST_PROBES
    if (alive === member.alive) return
    if (alive) log.info({ backend: member.name }, 'a backend answers its probes again')
    member.alive = alive
    pool.changed()
  }
}

function loadReader({ pool, log }: { readonly pool: Pool; readonly log: Logger }, member: Member): Look {
  let silent = false
  return async (signal) => {
    try {
      const load = await member.backend.load?.(signal)
      silent = false
      if (!load) return
      member.credit.observe(load, member.inFlightTokens)
      pool.changed()
    } catch (thrown) {
      if (!silent)
        log.info({ backend: member.name, err: toYizhanError(thrown) }, 'a backend does not tell its load')
      silent = true
    }
  }
}

/** Looks at once and then every `everyMs`, each time for `LOOK_MS` at most, until the signal. */
async function repeat(clock: Clock, everyMs: number, signal: AbortSignal, look: Look): Promise<void> {
  while (!signal.aborted) {
    const controller = new AbortController()
    const onStop = () => controller.abort(signal.reason)
    signal.addEventListener('abort', onStop, { once: true })
    const cancel = clock.after(LOOK_MS, () =>
      controller.abort(new YizhanError('deadline_exceeded', 'a backend was asked for too long')),
    )
    await look(controller.signal)
    cancel()
    signal.removeEventListener('abort', onStop)
    await clock.sleep(everyMs, signal).catch(() => undefined)
  }
}
