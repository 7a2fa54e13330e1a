// `npm run -s center -- …`, `npm run -s edge -- …`: the two command lines from a checkout, on the state of `npm start`.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { root, setUp } from './setup.mjs'

const BINS = {
  center: join(root, 'center', 'bin', 'yizhan-center.js'),
  edge: join(root, 'edge-agent', 'bin', 'yizhan-edge.js'),
}
const [name, ...given] = process.argv.slice(2)
const bin = BINS[name]
if (bin === undefined) {
  process.stderr.write(`which program? ${Object.keys(BINS).join(' or ')}\n`)
  process.exit(2)
}

/** Whoever names a state, or settings that may name one, means that. */
function namesState() {
  const isFlag = (arg) => /^--(state|config)(=|$)/.test(arg)
  return given.some(isFlag) || process.env.YIZHAN_CONFIG || process.env.YIZHAN_STATE_DIR
}

await setUp()
const state = namesState() ? [] : ['--state', join(root, '.yizhan', name)]
const child = spawn(process.execPath, [bin, ...state, ...given], {
  stdio: 'inherit',
  // npm changes to the package's directory; paths are meant from where the user stands.
  cwd: process.env.INIT_CWD ?? process.cwd(),
})
// A terminal's Ctrl-C reaches the program by itself, and the program decides what it means.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => child.kill('SIGTERM'))
const [code, signal] = await once(child, 'close')
process.exitCode = signal === null ? code : 128
