import type { TSchema } from '@sinclair/typebox'
import { about } from './basics.js'
import { CardYaml } from './card.js'
import { ChannelYaml } from './channels.js'
import { TestYaml } from './expectation.js'
import { IntentYaml } from './intent.js'
import { KnowledgeYaml } from './knowledge.js'
import { TaskJson } from './task.js'
import { TenantYaml } from './tenant.js'

/** Plain JSON, draft-07: what editors' YAML servers read. */
export type JsonSchema = { readonly [keyword: string]: unknown }

export type SchemaName = 'tenant' | 'intents' | 'knowledge' | 'card' | 'channels' | 'task' | 'tests'

/** The schemas that the readers check with, as editors take them: by the kind of file. */
export function tenantSchemas(): Readonly<Record<SchemaName, JsonSchema>> {
  return {
    tenant: published('tenant.yaml', TenantYaml),
    intents: published(
      'intents/*.yaml',
      mapOf(IntentYaml),
      about('Intents by id, such as it.vpn', '意图，键为 id，例如 it.vpn'),
    ),
    knowledge: published(
      'knowledge.yaml',
      mapOf(KnowledgeYaml),
      about('Knowledge by name', '知识库，键为名称'),
    ),
    card: published('cards/*.yaml', CardYaml),
    channels: published('channels.yaml', mapOf(ChannelYaml), about('Channels by name', '渠道，键为名称')),
    task: published('tasks/*.json', TaskJson),
    tests: published(
      'tests/*.yaml',
      { type: 'array', items: TestYaml },
      about('Sentences and what must come of them', '句子及其应有的结果'),
    ),
  }
}

function mapOf(entry: TSchema): JsonSchema {
  return { type: 'object', minProperties: 1, additionalProperties: entry }
}

function published(title: string, schema: JsonSchema, more: JsonSchema = {}): JsonSchema {
  return { $schema: 'http://json-schema.org/draft-07/schema#', title, ...more, ...plain(schema) }
}

/** Without the annotations that only the reader's messages use; these are the keys of no file. */
function plain(schema: JsonSchema): JsonSchema {
  return JSON.parse(
    JSON.stringify(schema, (key, value: unknown) => (OWN.has(key) && isWording(value) ? undefined : value)),
  ) as JsonSchema
}

const OWN = new Set(['wants', 'keys'])

function isWording(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'en' in value && 'zh' in value
}
