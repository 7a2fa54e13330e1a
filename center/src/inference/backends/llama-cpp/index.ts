import { basename } from 'node:path'
import { YizhanError } from '@yizhan/kernel'
import type { BackendKind } from '../kind.js'
import { checkGguf } from './gguf-header.js'
import { type Context, type Llama, loadLibrary, type Model } from './library.js'
import { LlamaCppBackend } from './llama-cpp.js'
import { Seats } from './seats.js'
import { LlamaCppSettings } from './settings.js'

/** A GGUF model in the center's process, by the optional peer node-llama-cpp; nothing is downloaded or compiled. */
export const llamaCppKind: BackendKind<LlamaCppSettings> = {
  settings: LlamaCppSettings,
  async open({ clock, log, personaOf }, name, settings, signal) {
    await checkGguf(settings.file)
    const library = await loadLibrary(settings.libraryDir)
    const opened: { dispose(): Promise<void> }[] = []
    const close = async () => {
      for (const one of opened.splice(0).reverse()) await one.dispose()
    }
    try {
      const llama: Llama = await library.getLlama({
        gpu: settings.gpu === 'none' ? false : settings.gpu,
        build: 'never',
        skipDownload: true,
        progressLogs: false,
        logLevel: 'warn',
        logger: (level: string, message: string) => log.debug({ level, message }, 'llama.cpp'),
        ...(settings.threads === 0 ? {} : { maxThreads: settings.threads }),
      })
      opened.push(llama)
      const model: Model = await llama.loadModel({
        modelPath: settings.file,
        loadSignal: signal,
        ...(settings.gpuLayers === undefined ? {} : { gpuLayers: settings.gpuLayers }),
      })
      opened.push(model)
      const context: Context = await model.createContext({
        sequences: settings.parallel,
        contextSize: settings.contextTokens,
        createSignal: signal,
      })
      opened.push(context)
      const sequences = new Seats(Array.from({ length: settings.parallel }, () => context.getSequence()))
      const parts = {
        library,
        model,
        sequences,
        clock,
        ...(settings.template === 'plain' ? {} : { chatWrapper: library.resolveChatWrapper(model) }),
        ...(personaOf ? { personaOf } : {}),
      }
      return { backend: new LlamaCppBackend(parts, name, basename(settings.file, '.gguf'), settings), close }
    } catch (thrown) {
      await close()
      signal.throwIfAborted()
      throw new YizhanError('model_refused', 'llama.cpp does not load the model', {
        cause: thrown,
        hint: 'check that the file is whole and fits into memory; `gpu: none` if it is the GPU',
      })
    }
  },
}
