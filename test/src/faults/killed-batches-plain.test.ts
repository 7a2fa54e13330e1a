import { killedBatches } from './killed-batches.js'

killedBatches('plain')
