import { killedRestore } from './killed-restore.js'

killedRestore()
