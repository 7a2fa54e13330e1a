// Fails when generated code is not what the .proto files give.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, run } from './setup.mjs'

const SOURCES = [
  { from: join(root, 'proto'), gen: join(root, 'proto', 'src', 'gen') },
  { from: join(root, 'intent', 'onnx'), gen: join(root, 'intent', 'src', 'onnx', 'gen') },
]
for (const source of SOURCES) await check(source)

async function check({ from, gen }) {
  const out = mkdtempSync(join(tmpdir(), 'yizhan-gen-'))
  try {
    const template = {
      version: 'v2',
      plugins: [
        {
          local: join(root, 'node_modules', '.bin', 'protoc-gen-es'),
          out,
          opt: ['target=ts', 'import_extension=js'],
        },
      ],
    }
    const code = await run(
      join(root, 'node_modules', '.bin', 'buf'),
      ['generate', '--template', JSON.stringify(template)],
      { cwd: from },
    )
    if (code !== 0) process.exit(code)
    const names = new Set([...list(gen), ...list(out)])
    const stale = [...names].filter((file) => read(join(gen, file)) !== read(join(out, file)))
    if (stale.length > 0) {
      process.stderr.write(`stale: ${stale.join(', ')}; run npm run proto\n`)
      process.exitCode = 1
    }
  } finally {
    rmSync(out, { recursive: true, force: true })
  }
}

function list(dir) {
  return readdirSync(dir, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.ts'))
    .sort()
}

function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
