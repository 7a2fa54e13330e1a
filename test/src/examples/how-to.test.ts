import { pagesIn, testPage } from './pages.js'

for (const page of await pagesIn('how-to')) await testPage(page, { hurries: false })
