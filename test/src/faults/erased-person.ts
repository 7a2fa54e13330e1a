import { acme, never, type SmallCenter } from './small-center.js'

const NAME = '李慕白-Muriel-Quill'
const SENDER = 'muriel.quill@acme.example'
const SECRET = 'the-salary-of-quill-is-forty-two-thousand'
export const by = { actor: 'user_officer' }

/** What must be nowhere: the text as it is and as encodings carry it, and the key that sealed it. */
export function needlesOf(secret: Uint8Array): Record<string, Uint8Array> {
  const texts = { name: NAME, sender: SENDER, secret: SECRET }
  const needles: Record<string, Uint8Array> = {
    key: secret,
    'key in hex': Buffer.from(Buffer.from(secret).toString('hex')),
  }
  for (const [what, text] of Object.entries(texts)) {
    needles[what] = Buffer.from(text)
    needles[`${what} in UTF-16`] = Buffer.from(text, 'utf16le')
    // Without its ends, which depend on what stands beside it.
    for (const shift of [0, 1, 2]) {
      const encoded = Buffer.concat([Buffer.alloc(shift), Buffer.from(text)]).toString('base64')
      needles[`${what} in base64, ${shift}`] = Buffer.from(encoded.slice(4, -4))
    }
  }
  needles['key in base64'] = Buffer.from(Buffer.from(secret).toString('base64').slice(0, -2))
  return needles
}

/** A person with records, index terms, audit snapshots and an attachment, among others who stay. */
export async function fill({ privacy, storage, files }: SmallCenter): Promise<string> {
  const subject = await privacy.subjects.resolve(acme, { channel: 'web', sender: SENDER }, { name: NAME }, by)
  const other = await privacy.subjects.resolve(
    acme,
    { channel: 'web', sender: 'someone.else' },
    { name: 'Else' },
    by,
  )
  for (let i = 0; i < 200; i++) {
    const owner = i % 2 === 0 ? subject : other
    const value = Buffer.from(
      JSON.stringify({ text: owner === subject ? `${SECRET} ${NAME} ${i}` : `nothing ${i}` }),
    )
    await storage.store.batch(
      acme,
      [
        {
          op: 'put',
          collection: 'turns',
          key: `turn-${i}`,
          value,
          subject: owner,
          terms: [{ name: 'by-subject', value: owner }],
        },
      ],
      {
        time: Date.now(),
        actor: 'bot_1',
        action: 'CREATE',
        object: `turns/turn-${i}`,
        subject: owner,
        after: value,
      },
    )
  }
  async function* content() {
    for (let i = 0; i < 40; i++) yield Buffer.from(`${SECRET} ${SENDER}\n`.repeat(500))
  }
  await files.put(
    acme,
    { name: 'payslip.txt', mediaType: 'text/plain', actor: 'bot_1', subject },
    content(),
    never,
  )
  return subject
}
