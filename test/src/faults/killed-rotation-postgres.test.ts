import { postgres } from '../support/postgres.js'
import { killedRotation } from './killed-rotation.js'

killedRotation(100, async (t) => {
  const server = await postgres(t)
  return server?.config(await server.database())
})
