export { type Path, parseYaml, type YamlDocument } from './document.js'
export { isMap } from './is-map.js'
export { nearest } from './nearest.js'
export { SAID, type SchemaCheck, schemaCheck } from './schema-check.js'
