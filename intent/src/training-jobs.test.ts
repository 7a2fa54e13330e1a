import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { createFeaturizer, DEFAULT_FEATURIZER } from './featurizer.js'
import { assemble, probabilitiesOf } from './model.js'
import { seededRandom } from './random.js'
import { jobsOf, recipeFor } from './recipe.js'
import { type Sample, textSet } from './text-set.js'
import { type JobOptions, runJobs, type TrainingJob } from './training-jobs.js'

const WORDS = ['red', 'blue', 'green', 'yellow', 'white', 'black']
const CLASSES = WORDS.length
const random = seededRandom(9)

/** Texts whose label is the colour in them. */
const SAMPLES: readonly Sample[] = Array.from({ length: 600 }, (_, i) => {
  const noise = Array.from({ length: 4 }, () => `w${Math.floor(random() * 100)}`)
  return { text: `${noise.join(' ')} ${WORDS[i % CLASSES]} ${noise[0]}`, label: i % CLASSES }
})
const whole = recipeFor([...SAMPLES, ...SAMPLES], CLASSES, 'best', 7)
const recipe = {
  ...whole,
  featurizer: { ...whole.featurizer, buckets: 2048 },
  ...{ dim: 8, epochs: 6, linearEpochs: 6 },
}
const featurizer = createFeaturizer(recipe.featurizer)
const set = textSet(SAMPLES, featurizer)
const jobs = jobsOf(recipe, CLASSES, 7, 4)
const options = (more: Partial<JobOptions> = {}): JobOptions => ({
  signal: new AbortController().signal,
  threads: 1,
  stepsForThreads: 0,
  onProgress: () => {},
  ...more,
})

test('a job that cannot be done ends them all with an error', async () => {
  const broken = jobs.map((job) => ({ ...job, settings: { ...job.settings, buckets: -1 } })) as TrainingJob[]
  await assert.rejects(runJobs(set, broken, options()))
  await assert.rejects(
    runJobs(set, broken, options({ threads: 2 })),
    (error) => error instanceof YizhanError && error.code === 'internal',
  )
})

test('an abort ends the threads with the reason of the signal', async () => {
  const controller = new AbortController()
  const reason = new YizhanError('cancelled', 'enough')
  const onProgress = () => controller.abort(reason)
  const { signal } = controller
  await assert.rejects(
    runJobs(set, jobs, options({ signal, threads: 2, onProgress })),
    (error) => error === reason,
  )
  await assert.rejects(
    runJobs(set, jobs, options({ signal, threads: 2, onProgress })),
    (error) => error === reason,
  )
})

test('threads give what one thread gives, and what they give is right', async () => {
  const alone = await runJobs(set, jobs, options())
  const shares: number[] = []
  const beside = await runJobs(set, jobs, options({ threads: 3, onProgress: (done) => shares.push(done) }))
  assert.deepEqual(beside, alone)
  assert.ok(shares.length > 0 && shares.every((share) => share >= 0 && share <= 1))

  const members = alone.flatMap((part) => (part.kind === 'member' ? [part.weights] : []))
  const linear = alone.flatMap((part) => (part.kind === 'linear' ? [part.weights] : []))
  assert.equal(members.length, recipe.featurizer.members)
  for (const blend of [
    { linear: 0, temperature: 1 },
    { linear: 1, temperature: 1 },
    { linear: 100, temperature: 20 },
  ]) {
    const network = assemble(members, linear[0], blend)
    for (const [label, word] of WORDS.entries()) {
      const scores = probabilitiesOf(network, featurizer.featurize(`something ${word} unheard`))
      assert.equal(scores.indexOf(Math.max(...scores)), label, word)
    }
  }
})

test('a larger temperature makes probabilities smaller and leaves their order', async () => {
  const [first] = await runJobs(set, jobs.slice(0, 1), options())
  assert.ok(first?.kind === 'member')
  const single = createFeaturizer({ ...DEFAULT_FEATURIZER, ...recipe.featurizer, members: 1 })
  const features = single.featurize('something red unheard')
  const [warm, cold] = [3, 1].map((temperature) =>
    probabilitiesOf(assemble([first.weights], undefined, { linear: 0, temperature }), features),
  )
  assert.ok(warm && cold)
  assert.ok(Math.max(...warm) < Math.max(...cold))
  assert.equal(warm.indexOf(Math.max(...warm)), cold.indexOf(Math.max(...cold)))
})
