import { test } from 'node:test'
import { refusalContract } from '../contract-refusal.js'
import { postgresHere, storagePlace } from './testing/place.js'

if (postgresHere()) refusalContract('postgres', storagePlace)
else test('postgres: what a store refuses', { skip: 'SKIPPED: PostgreSQL is not here' })
