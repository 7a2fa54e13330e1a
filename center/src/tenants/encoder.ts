import { checkEncoderFiles, type EncoderFiles } from '@yizhan/intent'
import { toYizhanError } from '@yizhan/kernel'
import type { MainFile } from './main-file.js'
import type { Told, Wording } from './problem.js'
import type { Contents } from './tenant-files.js'

const FOLDER = 'encoder/'
const MODEL = 'encoder/model.onnx'
const TOKENIZER = 'encoder/tokenizer.json'
const DEFAULT_TOKENS = 64

/** Reads the encoder that a tenant brings along: `encoder/` and `tenant.yaml: encoder`, which go together. */
export function readEncoder(
  { binaries }: Contents,
  { document, value }: MainFile,
  { problems }: Told,
): EncoderFiles | undefined {
  if (!value) return undefined
  const { encoder } = value
  const files = [...binaries.keys()].filter((file) => file.startsWith(FOLDER))
  if (!encoder) {
    for (const file of files) problems.push({ file, path: '', message: UNNAMED })
    return undefined
  }
  for (const file of [MODEL, TOKENIZER]) {
    if (!binaries.has(file)) problems.push(document.at(['encoder'], missing(file)))
  }
  const [onnx, tokenizer] = [binaries.get(MODEL), binaries.get(TOKENIZER)]
  if (!onnx || !tokenizer) return undefined
  try {
    checkEncoderFiles(onnx, tokenizer)
  } catch (thrown) {
    const { message } = toYizhanError(thrown)
    problems.push(document.at(['encoder'], { en: message, zh: `编码器文件未通过检查：${message}` }))
  }
  const { pooling = 'mean', maxTokens = DEFAULT_TOKENS } = encoder
  return { onnx, tokenizer, pooling, maxTokens }
}

function missing(file: string): Wording {
  return { en: `needs the file ${file}`, zh: `缺少文件 ${file}` }
}

const UNNAMED: Wording = {
  en: 'is not used; name it in tenant.yaml: “encoder: {pooling: mean}”',
  zh: '未被使用；请在 tenant.yaml 中写明“encoder: {pooling: mean}”',
}
