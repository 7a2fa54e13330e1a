import { test } from 'node:test'
import { upkeepContract } from '../engine-contract-upkeep.js'
import { enginePlace, postgresHere } from './testing/place.js'

if (postgresHere()) upkeepContract('postgres', enginePlace)
else test('postgres: the upkeep of an engine', { skip: 'SKIPPED: PostgreSQL is not here' })
