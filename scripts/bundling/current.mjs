// The file of a bundle that ends a program whose bundle is older than what the compiler has made since.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const CURRENT = 'current.js'

/** The compiler writes it whenever a source of the part has changed; it has the digest of each. */
const buildInfo = (part) => `${part}/dist/.tsbuildinfo`

export function readParts(root, parts) {
  return parts.map((part) => readFileSync(join(root, buildInfo(part))))
}

const digest = (bytes) => createHash('sha256').update(Buffer.concat(bytes)).digest('hex')

/** Its text. `infos` are the parts’ build infos, `tools` what else a bundle is made of. */
export function currentModule(parts, infos, tools) {
  return `// Made by scripts/bundling. Tools: ${digest(tools)}
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

const infos = ${JSON.stringify(parts.map((part) => `../../${buildInfo(part)}`))}
const digest = createHash('sha256')
let found = 0
for (const info of infos) {
  try {
    digest.update(readFileSync(new URL(info, import.meta.url)))
    found++
  } catch {}
}
// Where some are missing nobody compiles.
if (found === infos.length && digest.digest('hex') !== '${digest(infos)}') {
  process.stderr.write('the bundle is not of what was compiled last: npm run build\\n')
  process.exit(1)
}
`
}
