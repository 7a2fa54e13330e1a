import { isChinese, pagesIn, testPage } from './pages.js'

for (const page of await pagesIn('tutorials')) {
  if (isChinese(page)) await testPage(page, { hurries: true })
}
