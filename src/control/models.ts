import type { CatalogModel, ModelCatalog } from '../domain/catalog.ts';
import type { ModelInfo } from '../protocol/models.ts';
import { invalid, Refusal } from '../protocol/refusal.ts';

export type ModelListQuery = {
  readonly limit?: number | undefined;
  readonly after_id?: string | undefined;
  readonly before_id?: string | undefined;
  readonly lifecycle?: readonly ModelInfo['lifecycle'][] | undefined;
};
export type ModelPage = {
  data: ModelInfo[];
  has_more: boolean;
  first_id: string | null;
  last_id: string | null;
};

export type ModelCommands = {
  list(query: ModelListQuery): Promise<ModelPage>;
  retrieve(id: string): Promise<ModelInfo>;
};

const limitDefault = 20;

export function createModelCommands(catalog: ModelCatalog): ModelCommands {
  return {
    async list(query) {
      const all = catalog.list().map(describe);
      const models = query.lifecycle
        ? all.filter((model) => query.lifecycle?.includes(model.lifecycle))
        : all;
      return window(models, query);
    },
    async retrieve(id) {
      const model = catalog.get(id);
      if (!model) throw new Refusal('not_found', `Model not found: ${id}`);
      return describe(model);
    },
  };
}

function window(
  models: readonly ModelInfo[],
  { limit = limitDefault, after_id, before_id }: ModelListQuery,
): ModelPage {
  if (after_id !== undefined && before_id !== undefined)
    throw invalid('only one of after_id and before_id can be given');
  const from = after_id === undefined ? 0 : positionOf(models, after_id, 'after_id') + 1;
  const end = before_id === undefined ? models.length : positionOf(models, before_id, 'before_id');
  const data =
    before_id === undefined ? models.slice(from, from + limit) : models.slice(Math.max(0, end - limit), end);
  const hasMore = before_id === undefined ? from + limit < end : end > limit;
  return {
    data: [...data],
    has_more: hasMore,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
  };
}

function positionOf(models: readonly ModelInfo[], id: string, parameter: string): number {
  const index = models.findIndex((model) => model.id === id);
  if (index === -1) throw invalid(`${parameter}: no model ${id} in this list`);
  return index;
}

const yes = { supported: true };
const no = { supported: false };

function describe(model: CatalogModel): ModelInfo {
  const level = (effort: CatalogModel['effortDefault']) => ({ supported: model.efforts.includes(effort) });
  return {
    id: model.id,
    type: 'model',
    display_name: model.displayName,
    created_at: model.createdAt,
    lifecycle: 'active',
    line: model.line,
    deprecated_at: null,
    retires_at: null,
    max_input_tokens: model.contextTokensMax,
    max_tokens: model.outputTokensMax,
    allowed_fallback_models: [],
    capabilities: {
      batch: no,
      citations: yes,
      code_execution: no,
      compaction: null,
      context_management: {
        supported: false,
        clear_thinking_20251015: null,
        clear_tool_uses_20250919: null,
        compact_20260112: null,
      },
      effort: {
        supported: model.efforts.length > 0,
        low: level('low'),
        medium: level('medium'),
        high: level('high'),
        xhigh: level('xhigh'),
        max: level('max'),
      },
      image_input: yes,
      pdf_input: yes,
      server_tools: { supported: false, code_execution: no, web_search: no },
      structured_outputs: no,
      thinking: {
        supported: true,
        types: { adaptive: yes, between_tools: yes, disabled: yes, enabled: yes },
      },
    },
  };
}
