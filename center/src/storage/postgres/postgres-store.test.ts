import { test } from 'node:test'
import { auditContract } from '../contract-audit.js'
import { erasureContract } from '../contract-erasure.js'
import { expiryContract } from '../contract-expiry.js'
import { indexContract } from '../contract-index.js'
import { recordContract } from '../contract-record.js'
import { restartContract } from '../contract-restart.js'
import { scanContract } from '../contract-scan.js'
import { postgresHere, storagePlace } from './testing/place.js'

// With `postgres-refusal.test.ts` all of `storageContract`: each test has a database of its own, which takes its time.
const CONTRACTS = [
  recordContract,
  scanContract,
  indexContract,
  expiryContract,
  erasureContract,
  auditContract,
  restartContract,
]

if (postgresHere()) for (const contract of CONTRACTS) contract('postgres', storagePlace)
else test('postgres: the contract of a store', { skip: 'SKIPPED: PostgreSQL is not here' })
