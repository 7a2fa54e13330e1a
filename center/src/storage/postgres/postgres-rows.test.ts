import { test } from 'node:test'
import { rowsContract } from '../engine-contract-rows.js'
import { enginePlace, postgresHere } from './testing/place.js'

if (postgresHere()) rowsContract('postgres', enginePlace)
else test('postgres: the rows of an engine', { skip: 'SKIPPED: PostgreSQL is not here' })
