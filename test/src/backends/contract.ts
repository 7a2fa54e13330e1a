import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Backend, GenerateRequest, Piece } from '@yizhan/center/backends'
import { YizhanError } from '@yizhan/kernel'
import type { Scope } from '../support/scope.js'

/** What an engine is told to do, in whatever way it can be told. */
export type Behaviour =
  /** Answers in several pieces. */
  | 'answers'
  /** Answers with characters of several bytes, cut anywhere. */
  | 'wide'
  /** Says something, then nothing more. */
  | 'stalls'
  /** Says nothing at all for a long time. */
  | 'silent'
  /** Ends without a text. */
  | 'empty'
  /** Is cut off by its limit of tokens. */
  | 'cut'
  /** Breaks off after some pieces. */
  | 'breaks'
  /** Takes no work for now. */
  | 'busy'
  /** Fails. */
  | 'fails'
  /** Gets more to read than it can. */
  | 'too-long'

/** An engine that behaves as it was told, and a backend that asks it. */
export interface Subject {
  readonly backend: Backend
  readonly request: GenerateRequest
  /** A backend whose engine is not there; undefined where it runs in this process. */
  readonly absent?: Backend
  /** Resolves once the engine works on nothing any more. */
  idle(): Promise<void>
}

/** A fresh subject that ends with the scope; undefined if this kind of engine cannot behave so. */
export type StartSubject = (scope: Scope, behaviour: Behaviour) => Promise<Subject | undefined>

const open = () => new AbortController().signal

async function read(answer: AsyncIterable<Piece>): Promise<Piece[]> {
  const pieces: Piece[] = []
  for await (const piece of answer) pieces.push(piece)
  return pieces
}

async function firstText(answer: AsyncIterator<Piece>): Promise<void> {
  for (;;) {
    const { done, value } = await answer.next()
    assert.equal(done, false)
    if (value?.type === 'text') return
  }
}

const textOf = (pieces: readonly Piece[]) =>
  pieces.map((piece) => (piece.type === 'text' ? piece.text : '')).join('')

const failsWith = (codes: readonly string[], retryable: boolean) => (thrown: unknown) => {
  assert.ok(thrown instanceof YizhanError, String(thrown))
  assert.ok(codes.includes(thrown.code), `${thrown.code}: ${thrown.message}`)
  assert.equal(thrown.retryable, retryable, thrown.message)
  return true
}

/** What every backend promises, whatever stands behind it. */
export function backendContract(name: string, start: StartSubject): void {
  const holds = (what: string, behaviour: Behaviour, run: (subject: Subject) => Promise<void>) =>
    test(`${name}: ${what}`, async (t) => {
      const subject = await start(t, behaviour)
      if (!subject) {
        t.skip(`${name} cannot be made to`)
        return
      }
      await run(subject)
      await subject.idle()
    })

  holds(
    'an answer comes in pieces and has one end, last, with what it cost',
    'answers',
    async ({ backend, request }) => {
      const pieces = await read(backend.generate(request, open()))
      const last = pieces.at(-1)
      assert.ok(last?.type === 'end')
      assert.equal(pieces.filter(({ type }) => type === 'end').length, 1)
      assert.ok(pieces.filter(({ type }) => type === 'text').length > 1)
      assert.ok(textOf(pieces).length > 0)
      assert.equal(last.finish, 'stop')
      assert.ok((last.inputTokens ?? 1) > 0 && (last.outputTokens ?? 1) > 0)
      assert.ok(backend.name !== '' && backend.model !== '')
    },
  )

  holds(
    'the same question gives the same text, and two at a time do not mix',
    'answers',
    async ({ backend, request }) => {
      const alone = textOf(await read(backend.generate(request, open())))
      const both = await Promise.all([1, 2].map(() => read(backend.generate(request, open()))))
      for (const pieces of both) assert.equal(textOf(pieces), alone)
    },
  )

  holds('characters arrive whole, each piece by itself', 'wide', async ({ backend, request }) => {
    const pieces = await read(backend.generate(request, open()))
    assert.match(textOf(pieces), /[^\0-\x7f]/)
    for (const piece of pieces) {
      if (piece.type === 'text') assert.doesNotMatch(piece.text, /[\p{Surrogate}\ufffd]/u)
    }
  })

  holds(
    'an abort ends a running answer at once, with its reason, and the engine stops',
    'stalls',
    async ({ backend, idle, request }) => {
      const stop = new AbortController()
      const reason = new YizhanError('cancelled', 'not wanted any more')
      const answer = backend.generate(request, stop.signal)[Symbol.asyncIterator]()
      await firstText(answer)
      const rest = (async () => {
        for (;;) if ((await answer.next()).done) return
      })()
      stop.abort(reason)
      await assert.rejects(rest, (thrown) => thrown === reason)
      await idle()
    },
  )

  holds('an abort before the first word does so too', 'silent', async ({ backend, idle, request }) => {
    const stop = new AbortController()
    const reason = new YizhanError('cancelled', 'not wanted any more')
    const first = backend.generate(request, stop.signal)[Symbol.asyncIterator]().next()
    setImmediate(() => stop.abort(reason))
    await assert.rejects(first, (thrown) => thrown === reason)
    await idle()
  })

  holds('what was aborted before is not begun', 'answers', async ({ backend, request }) => {
    const reason = new YizhanError('cancelled', 'not wanted any more')
    const answer = read(backend.generate(request, AbortSignal.abort(reason)))
    await assert.rejects(answer, (thrown) => thrown === reason)
  })

  holds('who stops reading stops the engine', 'stalls', async ({ backend, idle, request }) => {
    const answer = backend.generate(request, open())[Symbol.asyncIterator]()
    await firstText(answer)
    await answer.return?.()
    await idle()
  })

  holds(
    'an answer without a text is a failure, or says that there is none',
    'empty',
    async ({ backend, request }) => {
      try {
        const pieces = await read(backend.generate(request, open()))
        const last = pieces.at(-1)
        assert.ok(last?.type === 'end' && last.finish === 'no-answer')
      } catch (thrown) {
        failsWith(['backend_failed'], true)(thrown)
      }
    },
  )

  holds('an answer that its limit cuts says so', 'cut', async ({ backend, request }) => {
    const last = (await read(backend.generate(request, open()))).at(-1)
    assert.ok(last?.type === 'end' && last.finish === 'length')
  })

  holds(
    'an engine that breaks off in an answer is a failure that may pass',
    'breaks',
    async ({ backend, request }) => {
      const given: Piece[] = []
      const answer = (async () => {
        for await (const piece of backend.generate(request, open())) given.push(piece)
      })()
      await assert.rejects(answer, failsWith(['backend_failed'], true))
      assert.ok(given.length > 0 && given.every(({ type }) => type === 'text'))
    },
  )

  holds('an engine that takes no work for now is overloaded', 'busy', async ({ backend, request }) => {
    await assert.rejects(read(backend.generate(request, open())), failsWith(['overloaded'], true))
  })

  holds('an engine that fails is a failure that may pass', 'fails', async ({ backend, request }) => {
    await assert.rejects(read(backend.generate(request, open())), failsWith(['backend_failed'], true))
  })

  holds(
    'a prompt that the model cannot take is too large, here and again',
    'too-long',
    async ({ backend, request }) => {
      await assert.rejects(read(backend.generate(request, open())), failsWith(['too_large'], false))
    },
  )

  holds('an answer that was begun is gone on with', 'answers', async ({ backend, request }) => {
    if (!backend.continues) return
    const pieces = await read(backend.generate(request, open()))
    const whole = textOf(pieces)
    // Between two pieces, as an answer breaks off: elsewhere a model reads the beginning in other tokens.
    const prefix = textOf(pieces.slice(0, Math.floor(pieces.length / 2)))
    assert.equal(prefix + textOf(await read(backend.generate({ ...request, prefix }, open()))), whole)
  })

  holds('a probe finds an engine that is there, and gives up when told', 'answers', async ({ backend }) => {
    await backend.probe(open())
    const reason = new YizhanError('cancelled', 'not wanted any more')
    await assert.rejects(backend.probe(AbortSignal.abort(reason)), (thrown) => thrown === reason)
  })

  holds('an engine that is not there is a failure that may pass', 'answers', async ({ absent, request }) => {
    if (!absent) return
    await assert.rejects(
      read(absent.generate(request, open())),
      failsWith(['backend_failed', 'unavailable'], true),
    )
    await assert.rejects(absent.probe(open()), failsWith(['backend_failed', 'unavailable'], true))
  })
}
