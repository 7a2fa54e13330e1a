import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { YizhanError } from '@yizhan/kernel'

// What is used of node-llama-cpp 3. It is an optional peer: neither its code nor its types need to be here.

export type Token = number
export interface HistoryItem {
  readonly type: 'system' | 'user' | 'model'
  readonly text?: string
  readonly response?: readonly string[]
}
export interface GenerateOptions {
  readonly signal: AbortSignal
  readonly maxTokens: number
  readonly temperature: number
  readonly topP?: number
  readonly seed?: number
  readonly customStopTriggers: readonly string[]
  readonly repeatPenalty: false
  /** Only tokens that are whole characters together, and none of a thought. */
  onToken(tokens: readonly Token[]): void
}
export interface Generated {
  readonly metadata: { readonly stopReason: string }
}
export interface Sequence {
  dispose(): Promise<void>
}
export interface Context {
  getSequence(): Sequence
  dispose(): Promise<void>
}
/** How a model's conversations are written. */
export interface ChatWrapper {
  generateContextState(state: { chatHistory: readonly HistoryItem[] }): {
    readonly contextText: { tokenize(tokenizer: unknown): readonly Token[] }
  }
}
export interface Chat {
  generateResponse(history: readonly HistoryItem[], options: GenerateOptions): Promise<Generated>
  dispose(): void
}
export interface Completion {
  generateCompletionWithMeta(input: string, options: GenerateOptions): Promise<Generated>
  dispose(): void
}
export interface Model {
  readonly tokenizer: unknown
  tokenize(text: string): readonly Token[]
  detokenize(tokens: readonly Token[], specialTokens: boolean, before: readonly Token[]): string
  createContext(options: Readonly<Record<string, unknown>>): Promise<Context>
  dispose(): Promise<void>
}
export interface Llama {
  loadModel(options: Readonly<Record<string, unknown>>): Promise<Model>
  dispose(): Promise<void>
}
export interface LlamaLibrary {
  getLlama(options: Readonly<Record<string, unknown>>): Promise<Llama>
  /** Takes seconds: it tries the file's template against all that it knows. */
  resolveChatWrapper(model: Model): ChatWrapper
  readonly LlamaChat: new (options: {
    readonly contextSequence: Sequence
    readonly chatWrapper: ChatWrapper
  }) => Chat
  readonly LlamaCompletion: new (options: { readonly contextSequence: Sequence }) => Completion
}

const PACKAGE = 'node-llama-cpp'

/** Loads the peer; `unsupported` with the command that installs it where it is not there. */
export async function loadLibrary(dir: string | undefined): Promise<LlamaLibrary> {
  const from =
    dir === undefined ? PACKAGE : pathToFileURL(join(dir, 'node_modules', PACKAGE, 'dist', 'index.js')).href
  try {
    return (await import(from)) as LlamaLibrary
  } catch (thrown) {
    throw new YizhanError('unsupported', 'node-llama-cpp is not installed, or does not load here', {
      cause: thrown,
      hint: `npm install --ignore-scripts --omit=optional ${PACKAGE}@3 @node-llama-cpp/linux-x64@3`,
    })
  }
}
