// The second step of `npm run build`: bundles of the two programs.
import { bundlePrograms } from './bundling/bundle.mjs'

await bundlePrograms({ always: true })
