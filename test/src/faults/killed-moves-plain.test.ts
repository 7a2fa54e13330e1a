import { killedMoves } from './killed-moves.js'

killedMoves('plain', 25)
