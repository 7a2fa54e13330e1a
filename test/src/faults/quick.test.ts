import { killsOften, quickCases } from './quick.js'

quickCases((one) => !killsOften(one))
