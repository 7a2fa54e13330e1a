import { test } from 'node:test'
import { engineContract } from '../engine-contract.js'
import { enginePlace, postgresHere } from './testing/place.js'

if (postgresHere()) engineContract('postgres', enginePlace)
else test('postgres: the contract of an engine', { skip: 'SKIPPED: PostgreSQL is not here' })
