import { killedMoves } from './killed-moves.js'

killedMoves({ sealing: 'sealed' })
