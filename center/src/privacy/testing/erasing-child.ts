import { openCenter } from './center.js'
import { acme, by } from './stand.js'

// For erasure-crash.test: erases the persons that it is given, one after the other, and is killed while it does.
const [dir = '', ...subjects] = process.argv.slice(2)
const center = await openCenter(dir)
process.stdout.write('ready\n')
for (const subject of subjects) {
  await center.privacy.erase(acme, subject, by)
  process.stdout.write(`${subject}\n`)
}
await center.close()
