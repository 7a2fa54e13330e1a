import { killedRotation } from './killed-rotation.js'

killedRotation(100)
