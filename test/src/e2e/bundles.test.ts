import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
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

for (const program of ['edge-agent', 'center']) {
  test(`what the modules of ${program} find beside their own files is found from its bundle`, async () => {
    const dir = join(root, program, 'bundle')
    const names = (await readdir(dir)).filter((name) => name.endsWith('.js'))
    const found: string[] = []
    for (const name of names) {
      // Long lines are broken, inside of strings as well.
      const text = (await readFile(join(dir, name), 'utf8')).replaceAll('\\\n', '')
      assert.ok(!text.includes(root), `${name} names a directory of this machine`)
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
