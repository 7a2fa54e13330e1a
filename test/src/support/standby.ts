// `standby.js PARTS BIN ARG…`: loads a module, waits for a line on stdin, then is the program BIN with its arguments.
import { once } from 'node:events'
import { pathToFileURL } from 'node:url'

const [, , parts = '', bin = ''] = process.argv
await import(pathToFileURL(parts).href)
await once(process.stdin, 'data')
process.stdin.pause()
process.argv.splice(1, 3, bin)
await import(pathToFileURL(bin).href)
