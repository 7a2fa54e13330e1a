import { renameSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { YizhanError } from '../errors.js'
import type { Running } from '../lifecycle.js'
import { claimSocket, prepareSocketDirectory, probeSocket } from '../local-socket/index.js'
import type { Logger } from '../log.js'
import { storageError } from '../storage-error.js'
import { useErrorReplies } from './error-reply.js'
import { requestIdOf, useRequestIds } from './request-id.js'
import { validatorCompiler } from './validation.js'

export interface AdminServerConfig {
  /** From `adminSocketPath`. */
  readonly socketPath: string
  /** Registers the routes. */
  routes(app: FastifyInstance): void | Promise<void>
}

// Requests under way get this long when the server stops.
const DRAIN_MS = 2_000

/**
 * Serves the owner's commands on a Unix socket that is 0600 from its first moment. Throws `failed_precondition` if a
 * living process serves this path; a socket that a dead one left is replaced. `stop` drains for 2 s.
 */
export async function startAdminServer(deps: { log: Logger }, config: AdminServerConfig): Promise<Running> {
  const { socketPath } = config
  const { app, server } = await buildApp(deps.log, config)
  try {
    prepareSocketDirectory(socketPath)
    const claim = await claimSocket(server, socketPath)
    if (!claim) throw alreadyRunning(socketPath)
    // A process of another make may serve the path without a claim.
    if ((await probeSocket(socketPath)) === 'alive') {
      server.close()
      claim.settle()
      throw alreadyRunning(socketPath)
    }
    renameSync(claim.temporary, socketPath)
    claim.settle()
  } catch (thrown) {
    await app.close()
    throw storageError(thrown, 'listen on', socketPath)
  }
  return runningServer(app, server, socketPath)
}

async function buildApp(
  log: Logger,
  config: AdminServerConfig,
): Promise<{ app: FastifyInstance; server: Server }> {
  const { newApp } = await import('./new-app.js')
  let server: Server | undefined
  const app = newApp({
    genReqId: requestIdOf,
    serverFactory: (handler) => {
      server = createServer(handler)
      return server
    },
  })
  useErrorReplies(app, log)
  app.setValidatorCompiler(validatorCompiler)
  useRequestIds(app)
  await config.routes(app)
  await app.ready()
  if (!server) throw new YizhanError('internal', 'fastify made no server')
  return { app, server }
}

function runningServer(app: FastifyInstance, server: Server, socketPath: string): Running {
  const { promise: done, resolve } = withResolvers()
  let stopping: Promise<void> | undefined
  const stop = async () => {
    rmSync(socketPath, { force: true })
    const closed = new Promise<void>((closedNow) => server.close(() => closedNow()))
    server.closeIdleConnections()
    const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
    await closed
    clearTimeout(timer)
    await app.close()
    resolve()
  }
  return {
    done,
    stop: () => {
      stopping ??= stop()
      return stopping
    },
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

function alreadyRunning(socketPath: string): YizhanError {
  return new YizhanError('failed_precondition', 'a process is already running on this state directory', {
    details: { socketPath },
    hint: 'use it, stop it, or start with another --state',
  })
}
