import { test } from 'node:test'
import { checkContract } from '../engine-contract-check.js'
import { enginePlace, postgresHere } from './testing/place.js'

if (postgresHere()) checkContract('postgres', enginePlace)
else test('postgres: the checks of an engine', { skip: 'SKIPPED: PostgreSQL is not here' })
