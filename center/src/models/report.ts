import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'

const Count = Type.Integer({ minimum: 0 })
const Share = Type.Number({ minimum: 0, maximum: 1 })
const Text = Type.String()

/** How many of some texts are answered, asked back about, or go to the center. */
const Ways = Type.Object({ answered: Count, askedBack: Count, forwarded: Count })
export type Ways = Static<typeof Ways>

const Bin = Type.Object({
  /** Scores from here, inclusive, to there. */
  from: Share,
  to: Share,
  n: Count,
  /** Mean score, and the share of best intents that are right. */
  score: Share,
  right: Share,
})
export type Bin = Static<typeof Bin>

/**
 * What a training showed, and what is different from the version in force. Texts in it are the author's own; questions
 * of people are named by the ids of their samples.
 */
export const ModelReport = Type.Object({
  format: Type.Literal(1),
  tenant: Text,
  number: Count,
  digest: Text,
  /** Milliseconds since the Unix epoch. */
  madeAt: Count,
  trainMs: Count,
  operatingPoint: Text,
  accept: Share,
  askBack: Share,
  /** The bundle that was in force. */
  against: Text,
  examples: Type.Object({ written: Count, taught: Count, background: Count, intents: Count }),
  /** Of examples that the model had not seen; shares are absent where nothing was held out. */
  unseen: Type.Object({
    n: Count,
    right: Type.Optional(Share),
    answered: Type.Optional(Share),
    oosRecall: Type.Optional(Share),
  }),
  intents: Type.Array(
    Type.Object({
      intent: Text,
      examples: Count,
      tests: Count,
      /** Of unseen examples: how many, whose best intent is right, and that are answered so. */
      n: Count,
      right: Count,
      answered: Count,
      /** What it is taken for most often. */
      takenFor: Type.Optional(Text),
    }),
  ),
  confusions: Type.Array(Type.Object({ intent: Text, takenFor: Text, n: Count, such: Type.Array(Text) })),
  calibration: Type.Array(Bin),
  /** One text in several intents; the same text twice in one. */
  conflicts: Type.Array(Type.Object({ text: Text, intents: Type.Array(Text) })),
  duplicates: Type.Array(Type.Object({ text: Text, intent: Text, times: Count })),
  /** Labels that were left out: the author wrote the question under another intent, or the intent is gone. */
  leftOut: Type.Array(Type.Object({ sample: Text, intent: Text })),
  /** Of the questions that wait for a label. */
  waiting: Type.Object({ n: Count, now: Ways, before: Type.Optional(Ways) }),
  tests: Type.Object({ passed: Count, failed: Type.Array(Text) }),
  /** Labelled questions that no version was trained on. */
  heldOut: Type.Object({
    n: Count,
    right: Count,
    before: Type.Optional(Count),
    /** Right before and wrong now, and the other way round. */
    lost: Type.Array(Text),
    won: Type.Array(Text),
  }),
  changes: Type.Object({
    added: Type.Array(Text),
    removed: Type.Array(Text),
    decisions: Type.Array(Type.Object({ text: Text, from: Text, to: Text })),
  }),
})
export type ModelReport = Static<typeof ModelReport>

/** Undefined for one that an older build wrote in another form. */
export function readReport(stored: unknown): ModelReport | undefined {
  return Value.Check(ModelReport, stored) ? stored : undefined
}

/** Why a version should not be put in force; empty if nothing speaks against it. */
export function objections({ tests, heldOut }: ModelReport): string[] {
  const worse = heldOut.before !== undefined && heldOut.right < heldOut.before
  return [
    ...(tests.failed.length > 0 ? [`${tests.failed.length} of its tests fail`] : []),
    ...(worse
      ? [
          `it gets ${heldOut.right} of ${heldOut.n} labelled questions right, the one in force ${heldOut.before}`,
        ]
      : []),
  ]
}
