import { postgres } from '../support/postgres.js'
import { killedRotation } from './killed-rotation.js'

killedRotation(async (t) => {
  const server = await postgres(t)
  return server?.config(await server.database())
})
