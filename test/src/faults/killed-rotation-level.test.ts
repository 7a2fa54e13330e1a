import { killedRotation } from './killed-rotation.js'

killedRotation()
