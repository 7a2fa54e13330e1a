export { calibrationSvg } from './calibration.js'
export type { ModelFigures } from './figures.js'
export { type ListedVersion, ModelDesk, type PublishOptions } from './model-desk.js'
export { type ModelReport, objections } from './report.js'
