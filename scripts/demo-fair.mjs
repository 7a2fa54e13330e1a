// `npm run demo:fair [-- --lang zh|en --json --flood N]`: one tenant floods, another asks, under the fair queue and without.
import { runDemo } from './run-demo.mjs'

await runDemo('fairness', 'demo.js')
