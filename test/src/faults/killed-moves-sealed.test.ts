import { killedMoves } from './killed-moves.js'

killedMoves('sealed', 100)
