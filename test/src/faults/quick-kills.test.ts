import { killsOften, quickCases } from './quick.js'

quickCases(killsOften)
