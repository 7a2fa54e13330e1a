// nlp.js on one data set, as its documentation starts with it: `node nlp.mjs FILE.jsonl LANGUAGE` prints its figures.
// Rows of split val are classified, all others trained with.
import { readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { NlpManager } from 'node-nlp'

const [, , path = '', language = 'en'] = process.argv
const rows = readFileSync(path, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line))
const manager = new NlpManager({
  languages: [language],
  forceNER: false,
  nlu: { log: false },
  autoSave: false,
  autoLoad: false,
})
for (const { text, intent, split } of rows) {
  // Its word for out of scope.
  if (split !== 'val') manager.addDocument(language, text, intent === 'oos' ? 'None' : intent)
}
const started = performance.now()
await manager.train()
const trainSeconds = (performance.now() - started) / 1000

const times = []
let inside = 0
let right = 0
let outside = 0
let refused = 0
for (const { text, intent, split } of rows) {
  if (split !== 'val') continue
  const from = performance.now()
  const answer = await manager.process(language, text)
  times.push((performance.now() - from) * 1000)
  if (intent === 'oos') {
    outside++
    if (answer.intent === 'None') refused++
  } else {
    inside++
    if (answer.intent === intent) right++
  }
}
process.stdout.write(
  `${JSON.stringify({
    accuracyClosed: right / inside,
    oosRecall: outside === 0 ? null : refused / outside,
    trainSeconds,
    times,
    bytes: Buffer.byteLength(manager.export(true)),
  })}\n`,
)
