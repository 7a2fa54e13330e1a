import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CURRENT, currentModule, readParts } from './current.mjs'
import { EXTERNAL, NEVER_RUN, PROGRAMS } from './programs.mjs'
import { BANNER, startedIn, whereItWas } from './where-it-was.mjs'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Bundles what `tsc --build` has compiled; a program that was bundled from the same is left alone, unless `always`. */
export async function bundlePrograms({ always = false } = {}) {
  const tools = await readTools()
  for (const program of PROGRAMS) {
    const outdir = join(root, program.dir, 'bundle')
    const current = currentModule(program.parts, readParts(root, program.parts), tools)
    if (!always && (await textOf(join(outdir, CURRENT))) === current) continue
    const files = await bundled(program, outdir)
    // Last, so that a build that was broken off is made again.
    await write(outdir, [...files, { name: CURRENT, contents: Buffer.from(current) }])
  }
}

/** What a bundle is made with: packages, and these files. */
async function readTools() {
  const here = join(root, 'scripts', 'bundling')
  const names = (await readdir(here)).sort().map((name) => join(here, name))
  return Promise.all([join(root, 'package-lock.json'), ...names].map((path) => readFile(path)))
}

async function bundled({ entries }, outdir) {
  // Not before they are needed: most commands find everything bundled, and the first one installs them.
  const [{ build }, { withSharedShapes }] = await Promise.all([import('esbuild'), import('./shapes.mjs')])
  const { metafile, outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: entries.map((path) => ({ in: path, out: basename(path, '.js') })),
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    // What Node would take: `module` is a word of bundlers.
    conditions: [],
    mainFields: ['main'],
    banner: { js: BANNER },
    // Source text stays in memory. Names stay as they are, and a line is short enough for a stack trace to mean something.
    minifyWhitespace: true,
    lineLimit: 160,
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [whereItWas(outdir, EXTERNAL, withSharedShapes)],
    metafile: true,
    write: false,
  })
  const nameless = lateCommonJs(metafile)
  if (nameless.length > 0)
    throw new Error(`imported late from CommonJS, names would be lost: ${nameless.join(', ')}`)
  const files = outputFiles.map(({ path, contents }) => ({ name: basename(path), contents }))
  const names = new Set(files.map(({ name }) => name))
  for (const { name, contents } of files.filter(({ name }) => name.endsWith('.js'))) {
    const missing = startedIn(Buffer.from(contents).toString()).filter((started) => !names.has(started))
    if (missing.length > 0) {
      throw new Error(
        `${name} starts ${missing.join(', ')}, which is no entry: scripts/bundling/programs.mjs`,
      )
    }
  }
  return files
}

/** A late import of CommonJS has no names in a bundle, only `default`: a module between the two has to import it. */
function lateCommonJs({ inputs }) {
  return Object.entries(inputs)
    .filter(([path]) => !NEVER_RUN.test(path))
    .flatMap(([path, { imports }]) =>
      imports
        .filter((late) => late.kind === 'dynamic-import' && inputs[late.path]?.format === 'cjs')
        .map((late) => `${late.path} by ${path}`),
    )
}

/** Whole files only, and none anew that stays: programs may run, and load more of themselves at any time. */
async function write(outdir, files) {
  await mkdir(outdir, { recursive: true })
  for (const { name, contents } of files) {
    const path = join(outdir, name)
    if ((await bytesOf(path))?.equals(contents)) continue
    const whole = `${path}.${process.pid}`
    await writeFile(whole, contents)
    await rename(whole, path)
  }
  const names = new Set(files.map(({ name }) => name))
  for (const name of await readdir(outdir)) {
    if (!names.has(name)) await rm(join(outdir, name), { force: true })
  }
}

async function bytesOf(path) {
  try {
    return await readFile(path)
  } catch {
    return undefined
  }
}

async function textOf(path) {
  return (await bytesOf(path))?.toString()
}
