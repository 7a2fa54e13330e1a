import { test } from 'node:test'
import { storageContract } from '../contract.js'
import { postgresHere, storagePlace } from './testing/place.js'

if (postgresHere()) storageContract('postgres', storagePlace)
else test('postgres: the contract of a store', { skip: 'SKIPPED: PostgreSQL is not here' })
