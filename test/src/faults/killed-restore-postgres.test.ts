import { postgres } from '../support/postgres.js'
import { killedRestore } from './killed-restore.js'

killedRestore(async (t) => {
  const server = await postgres(t)
  return server && { database: async () => server.config(await server.database()) }
})
