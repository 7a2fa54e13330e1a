// An esbuild plugin: in a bundle every module still finds what lies beside its own file.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'

/** Node's `require` for CommonJS, and where a path from the bundle leads. Each file of a bundle begins with it. */
export const BANNER = [
  "import { createRequire as __createRequire } from 'node:module'",
  "import { fileURLToPath as __pathOf } from 'node:url'",
  'const require = __createRequire(import.meta.url)',
  'const __place = (path) => __pathOf(new URL(path, import.meta.url))',
].join('\n')

/** A file that is started by its address: an entry of the bundle, which lies flat, so the words stay as they are. */
const STARTED = /new URL\((['"])\.\/[\w-]+\.js\1, import\.meta\.url\)/
const OWN_URL = /\bimport\.meta\.url\b/
const OWN_PATH = /\b__(dirname|filename)\b/

/**
 * `import.meta.url`, `__dirname` and `__filename` mean the file that they were written in, told from `outdir`; what is
 * external must be the same package from there as from its importer. `edit` is given each file's text besides.
 */
export function whereItWas(outdir, external, edit) {
  const place = (path) => JSON.stringify(relative(outdir, path).split('\\').join('/'))
  return {
    name: 'where-it-was',
    setup(build) {
      build.onLoad({ filter: /\.[cm]?js$/ }, async ({ path }) => {
        const text = edit(await readFile(path, 'utf8'))
        if (OWN_URL.test(text)) return { contents: withUrl(text, place(path)) }
        if (OWN_PATH.test(text)) return { contents: withPath(text, place(path), place(dirname(path))) }
        return { contents: text }
      })
      build.onResolve({ filter: /^[^./]/ }, ({ path, resolveDir }) => {
        const name = path
          .split('/')
          .slice(0, path.startsWith('@') ? 2 : 1)
          .join('/')
        if (!external.includes(name)) return undefined
        const [here, there] = [packageDir(name, outdir), packageDir(name, resolveDir)]
        if (here === there) return { path, external: true }
        return { errors: [{ text: `${name} is ${there} here and ${here} from the bundle` }] }
      })
    },
  }
}

function withUrl(text, place) {
  return text.replace(new RegExp(`${STARTED.source}|${OWN_URL.source}`, 'g'), (found) =>
    STARTED.test(found) ? found : `new URL(${place}, import.meta.url).href`,
  )
}

/** Not by `import.meta`, which would make a module of what is CommonJS. */
function withPath(text, file, dir) {
  return text.replace(new RegExp(OWN_PATH.source, 'g'), (_, what) =>
    what === 'dirname' ? `__place(${dir})` : `__place(${file})`,
  )
}

/** The started files that a file of the bundle names; long lines of it are broken inside of strings as well. */
export function startedIn(text) {
  const all = text
    .replaceAll('\\\n', '')
    .matchAll(/new URL\(\s*['"]\.\/([\w-]+\.js)['"],\s*import\.meta\.url\s*\)/g)
  return [...all].map(([, name]) => name)
}

function packageDir(name, from) {
  for (let at = from; ; at = dirname(at)) {
    const dir = join(at, 'node_modules', name)
    if (existsSync(dir)) return dir
    if (at === dirname(at)) return undefined
  }
}
