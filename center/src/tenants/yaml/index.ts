export { type Path, parseYaml, type YamlDocument } from './document.js'
export { SAID, type SchemaCheck, schemaCheck } from './schema-check.js'
