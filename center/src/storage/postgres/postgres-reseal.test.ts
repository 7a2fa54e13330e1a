import { test } from 'node:test'
import { resealContract } from '../engine-contract-reseal.js'
import { enginePlace, postgresHere } from './testing/place.js'

if (postgresHere()) resealContract('postgres', enginePlace)
else test('postgres: sealing anew', { skip: 'SKIPPED: PostgreSQL is not here' })
