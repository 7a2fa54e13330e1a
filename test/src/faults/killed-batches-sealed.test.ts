import { killedBatches } from './killed-batches.js'

killedBatches('sealed')
