import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { command } from '../support/child.js'
import { root } from '../support/installation.js'

interface Current {
  readParts(root: string, parts: readonly string[]): Buffer[]
  currentModule(parts: readonly string[], infos: readonly Buffer[], tools: readonly Buffer[]): string
}

test('a bundle that is older than what was compiled ends its program; where nobody compiles, none does', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'yz-bundle-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const infoOf = (part: string) => join(dir, part, 'dist', '.tsbuildinfo')
  for (const part of ['kernel', 'edge']) {
    await mkdir(join(dir, part, 'dist'), { recursive: true })
    await writeFile(infoOf(part), `${part} 1`)
  }
  const script = pathToFileURL(join(root, 'scripts', 'bundling', 'current.mjs')).href
  const { currentModule, readParts }: Current = await import(script)
  const parts = ['kernel', 'edge']
  const current = join(dir, 'edge', 'bundle', 'current.mjs')
  await mkdir(join(dir, 'edge', 'bundle'))
  await writeFile(current, currentModule(parts, readParts(dir, parts), []))

  assert.deepEqual(await command(current, []), { code: 0, stdout: '', stderr: '' })
  await writeFile(infoOf('kernel'), 'kernel 2')
  const refused = await command(current, [])
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /npm run build/)
  await rm(infoOf('kernel'))
  assert.equal((await command(current, [])).code, 0)
})

interface Shapes {
  withSharedShapes(text: string): string
}

const { withSharedShapes }: Shapes = await import(
  pathToFileURL(join(root, 'scripts', 'bundling', 'shapes.mjs')).href
)

/** The function that a text is. */
function made<A extends unknown[], R>(text: string): (...args: A) => R {
  return new Function(`return ${text}`)() as (...args: A) => R
}

test('in a bundle an object that begins with a spread is what it was, and shares its shape', () => {
  const texts = [
    '(a) => ({ ...a, b: 2, get c() { return this.b + 1 } })',
    '(a) => ({ /* { ...a } */ ...a, ...{ ...a, d: "{ ...a }" } })',
    '(a) => { const { x, ...rest } = a; const copy = ({ ...b }) => b; return { ...copy(rest), n: [..."ab"] } }',
    '(a) => ({ ...undefined, ...JSON.parse(\'{"__proto__": 1, "0": 2}\'), ...a })',
    '(a) => String({ ...a, toString: () => "{ ...a }" })',
    '(a) => ({ x: 0, ...a })',
  ]
  for (const text of texts) {
    const [plain, edited] = [text, withSharedShapes(text)].map((one) => made<[object], unknown>(one))
    const given = { x: 1, y: 'z', [Symbol.iterator]: 3 }
    assert.equal(String(edited), withSharedShapes(text))
    assert.deepEqual(Object.keys(Object(edited?.(given))), Object.keys(Object(plain?.(given))), text)
    assert.deepEqual(edited?.(given), plain?.(given), text)
    assert.equal(withSharedShapes(withSharedShapes(text)), withSharedShapes(text))
  }
  assert.equal(withSharedShapes(texts.at(-1) ?? ''), texts.at(-1))

  setFlagsFromString('--allow-natives-syntax')
  const haveSameMap = made<[object, object], boolean>('(a, b) => %HaveSameMap(a, b)')
  const copy = made<[object, number], object>(withSharedShapes('(page, seq) => ({ ...page, seq })'))
  const page = { turn: 't', age: 1 }
  for (let i = 0; i < 1_000; i++) copy(page, i)
  assert.ok(haveSameMap(copy(page, 1), copy(page, 2)))
})

for (const program of ['edge-agent', 'center']) {
  test(`what the modules of ${program} find beside their own files is found from its bundle`, async () => {
    const dir = join(root, program, 'bundle')
    const names = (await readdir(dir)).filter((name) => name.endsWith('.js'))
    const found: string[] = []
    for (const name of names) {
      // Long lines are broken, inside of strings as well.
      const text = (await readFile(join(dir, name), 'utf8')).replaceAll('\\\n', '')
      assert.ok(!text.includes(root), `${name} names a directory of this machine`)
      assert.ok(withSharedShapes(text) === text, `${name} has an object that begins with a spread`)
      for (const [, path = ''] of text.matchAll(
        /(?:__place|new URL)\(\s*"([^"]+)"\s*(?:\)|,\s*import\.meta\.url)/g,
      )) {
        assert.ok(existsSync(new URL(path, pathToFileURL(`${dir}/`))), `${name}: ${path}`)
        found.push(path)
      }
    }
    for (const path of ['../dist/main.js', './cage-process.js', './seal-worker.js']) {
      assert.ok(found.includes(path), path)
    }
  })
}
