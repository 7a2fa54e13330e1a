import { open } from 'node:fs/promises'
import { YizhanError } from '@yizhan/kernel'

const MAGIC = 0x46554747
const VERSIONS = [2, 3]

/** Whether a file begins as a GGUF that llama.cpp reads: a wrong file is told before native code meets it. */
export async function checkGguf(path: string): Promise<void> {
  const head = Buffer.alloc(8)
  try {
    const file = await open(path)
    try {
      await file.read(head, 0, 8, 0)
    } finally {
      await file.close()
    }
  } catch (thrown) {
    throw new YizhanError('not_found', 'the GGUF file of the backend cannot be read', {
      cause: thrown,
      hint: 'check file of the backend, and that the center may read it',
    })
  }
  const version = head.readUInt32LE(4)
  if (head.readUInt32LE(0) !== MAGIC || !VERSIONS.includes(version)) {
    throw new YizhanError('model_refused', 'the file of the backend is no GGUF of version 2 or 3')
  }
}
