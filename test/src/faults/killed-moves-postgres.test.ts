import { postgres } from '../support/postgres.js'
import { killedMoves } from './killed-moves.js'

killedMoves({
  sealing: 'sealed',
  async postgres(t) {
    const server = await postgres(t)
    return server?.config(await server.database())
  },
})
