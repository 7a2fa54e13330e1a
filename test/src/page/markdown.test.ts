import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newPerson, startBrowser } from '../support/browser.js'
import { ScriptedEdge } from './scripted-edge.js'

/** Markdown, and the elements that it becomes on the page. */
const CASES: readonly (readonly [string, string])[] = [
  ['这是**“重点”**吗', '<p>这是<strong>“重点”</strong>吗</p>'],
  ['10~20 和 30~40', '<p>10~20 和 30~40</p>'],
  ['~~gone~~', '<p><del>gone</del></p>'],
  ['one\ntwo', '<p>one<br>two</p>'],
  ['a<br>b', '<p>a<br>b</p>'],
  ['<b>not bold</b>', '<p>&lt;b&gt;not bold&lt;/b&gt;</p>'],
  ['# Title', '<h3>Title</h3>'],
  ['- [x] done', '<ul><li>☑ done</li></ul>'],
  ['[own](/demo)', '<p>own</p>'],
  [
    '![a cat](https://x.example/cat.png)',
    '<p><a href="https://x.example/cat.png" target="_blank" rel="noopener noreferrer">Image: a cat</a></p>',
  ],
  ['Heading\n===', '<h3>Heading</h3>'],
]

/** Texts that break off, and what is shown of them. */
const OPEN: readonly (readonly [string, string])[] = [
  ['see [the guide](https://x.exa', '<p>see the guide</p>'],
  ['see [the gui', '<p>see the gui</p>'],
  ['as said in [1]', '<p>as said in [1]</p>'],
  ['a **bold', '<p>a <strong>bold</strong></p>'],
  ['a **', '<p>a </p>'],
  ['run `npm st', '<p>run <code>npm st</code></p>'],
  ['| a | b |\n|--', ''],
  ['```js\nlet a', '<pre><code>let a\n</code></pre>'],
]

test('Markdown as it is shown, whole and while it comes', async (t) => {
  const browser = await startBrowser(t)
  if (!browser) return
  const edge = await ScriptedEdge.start(t)
  const page = await (await newPerson(browser)).newPage()
  await page.goto(edge.url)
  const shown = async (texts: readonly string[], how: string) =>
    (await page.evaluate(`(async () => {
      const [{ render }, { mend }] = await Promise.all([import('/markdown.js'), import('/prose.js')])
      return ${JSON.stringify(texts)}.map((text) => {
        const box = document.createElement('div')
        box.append(render(${how}))
        return box.innerHTML.trim().replace(/>\\n+</g, '><')
      })
    })()`)) as string[]

  await t.test('whole', async () => {
    const texts = CASES.map(([text]) => text)
    assert.deepEqual(
      await shown(texts, 'text'),
      CASES.map(([, html]) => html),
    )
  })

  await t.test('broken off', async () => {
    const texts = OPEN.map(([text]) => text)
    assert.deepEqual(
      await shown(texts, 'mend(text)'),
      OPEN.map(([, html]) => html),
    )
  })

  await t.test(
    'streamed letter by letter it ends as the whole does, and finished blocks are drawn once',
    async () => {
      const text = `${CASES.map(([markdown]) => markdown).join('\n\n')}\n\n${'A long line of text. '.repeat(200)}\n\nend`
      const { streamed, whole, added } = (await page.evaluate(`(async () => {
      const [{ render }, { StreamingProse }] = await Promise.all([import('/markdown.js'), import('/prose.js')])
      const text = ${JSON.stringify(text)}
      let painted
      const prose = new StreamingProse(() => painted())
      let added = 0
      new MutationObserver((all) => { for (const { addedNodes } of all) added += addedNodes.length })
        .observe(prose.element, { childList: true })
      for (let end = 0; end < text.length; end += 40) {
        const next = new Promise((resolve) => { painted = resolve })
        prose.show(text.slice(0, end + 40))
        await next
      }
      const plain = (element) => element.textContent.replace(/\\s+/g, ' ').trim()
      const box = document.createElement('div')
      box.append(render(text))
      return { streamed: plain(prose.element), whole: plain(box), added }
    })()`)) as { streamed: string; whole: string; added: number }
      assert.equal(streamed, whole)
      const blocks = CASES.length + 2
      assert.ok(
        added <= 2 * blocks + 2,
        `${added} nodes for ${blocks} blocks, their line ends and the open one`,
      )
    },
  )
})
