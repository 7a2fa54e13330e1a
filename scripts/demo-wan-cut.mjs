// `npm run demo:wan-cut [-- --lang zh|en --json --record FILE]`: a link cut inside an answer, and what came of it.
import { runDemo } from './run-demo.mjs'

await runDemo('demo', 'main.js')
