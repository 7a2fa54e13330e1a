import { test } from 'node:test'
import { isolationContract } from '../isolation.js'
import { postgresHere, storagePlace } from './testing/place.js'

if (postgresHere()) isolationContract('postgres', storagePlace, [1, 2])
else test('postgres: the isolation of tenants', { skip: 'SKIPPED: PostgreSQL is not here' })
