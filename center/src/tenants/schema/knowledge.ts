import { Type } from '@sinclair/typebox'
import { about, Closed, Line, line } from './basics.js'

/** One entry of `knowledge.yaml`; the file maps names to these. */
export const KnowledgeYaml = Type.Object(
  {
    files: Type.Array(Line, {
      minItems: 1,
      ...about('Documents, such as knowledge/travel-*.md', '文档，例如 knowledge/travel-*.md'),
    }),
    class: Type.Optional(line('Data class, such as internal', '数据分级，例如 internal')),
    owner: Type.Optional(line('Who keeps it true', '负责人')),
  },
  Closed,
)
