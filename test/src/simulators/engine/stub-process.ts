import { fileURLToPath } from 'node:url'
import { Child } from '../../support/child.js'
import type { Scope } from '../../support/scope.js'
import { piecesOf } from './answer.js'
import { STUB_DEFAULTS, type StubSettings } from './settings.js'
import { STUB_MODEL } from './stub-server.js'

const PROGRAM = fileURLToPath(new URL('./stub-engine.js', import.meta.url))

/** A stub engine in a process of its own, and its controls. */
export class StubProcess {
  readonly child: Child
  /** What a center gets as the engine's address, `/v1` included. */
  readonly url: string
  readonly #control: string

  private constructor(child: Child, url: string, control: string) {
    this.child = child
    this.url = url
    this.#control = control
  }

  /** `args` as on its command line, for example `['--slots', '4']`. */
  static async start(scope: Scope, args: readonly string[] = []): Promise<StubProcess> {
    const child = new Child(PROGRAM, ['--with-parent', ...args])
    scope.after(() => child.end('SIGKILL'))
    const { url, control } = await child.ready
    return new StubProcess(child, String(url), String(control))
  }

  /** Settings of a center that asks it. */
  get settings(): Record<string, string> {
    return { YIZHAN_INFERENCE__LLM__URL: this.url, YIZHAN_INFERENCE__LLM__MODEL: STUB_MODEL }
  }

  /** From now on; with `times` for so many requests. */
  async set(settings: Partial<StubSettings> & { readonly times?: number }): Promise<void> {
    await this.#ask('', settings)
  }

  /** Lets the stalled answers go on. */
  async release(): Promise<void> {
    await this.#ask('/release', {})
  }

  /** Back to the settings that it started with; counts and kept requests are gone. */
  async reset(): Promise<void> {
    await this.#ask('/reset', {})
  }

  async counts(): Promise<Readonly<Record<string, number>>> {
    return (await this.#ask('/stats')) as Record<string, number>
  }

  /** Resolves once `name` has come to `value`; `running` and `waiting` exactly. */
  async reaches(name: string, value: number): Promise<void> {
    await this.#ask(`/wait?for=${name}&is=${value}`)
  }

  /** The last requests for answers and embeddings. */
  async requests(): Promise<{ path: string; headers: Record<string, string>; body: string }[]> {
    return (await this.#ask('/requests')) as { path: string; headers: Record<string, string>; body: string }[]
  }

  /** The whole answer to a question. */
  answer(question: string, tokens = STUB_DEFAULTS.tokens): string {
    return piecesOf(question, tokens).join('')
  }

  async #ask(path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(
      `${this.#control}/control${path}`,
      body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) },
    )
    if (!response.ok) throw new Error(`the stub said ${response.status}: ${await response.text()}`)
    return response.json()
  }
}
