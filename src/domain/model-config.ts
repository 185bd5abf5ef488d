import type { ModelConfig, ModelParams } from '../protocol/agents.ts';
import { invalid } from '../protocol/refusal.ts';
import type { CatalogModel, ModelCatalog } from './catalog.ts';

/**
 * The model an agent will use, with every default resolved (spec/agents.md, Model object).
 * `previous` is the stored one on an update: effort survives when the id stays the same.
 */
export function resolveModel(
  params: ModelParams,
  catalog: ModelCatalog,
  previous: ModelConfig | null = null,
): ModelConfig {
  const sent = typeof params === 'string' ? { id: params } : params;
  const model = catalog.get(sent.id);
  if (!model) throw invalid(`model: "${sent.id}" is not a known model`);
  const speed = sent.speed ?? 'standard';
  if (speed === 'fast' && !model.fast) throw invalid(`model.speed: ${model.id} does not support fast`);
  return {
    id: model.id,
    effort: { type: effortOf(sent.effort, model, previous) },
    speed,
    ...(sent.inference_geo == null ? {} : { inference_geo: geoOf(sent.inference_geo, model) }),
  };
}

type EffortParams = Exclude<ModelParams, string>['effort'];

function effortOf(sent: EffortParams, model: CatalogModel, previous: ModelConfig | null) {
  const level = typeof sent === 'string' ? sent : sent?.type;
  if (level === undefined) {
    return previous?.id === model.id && previous.effort ? previous.effort.type : model.effortDefault;
  }
  if (!model.efforts.includes(level)) throw invalid(`model.effort: ${model.id} does not support "${level}"`);
  return level;
}

function geoOf(geo: string, model: CatalogModel): string {
  if (geo !== 'us' && geo !== 'global') {
    throw invalid(
      `Failed to parse request: model.inference_geo: "${geo}" is not a valid value; expected one of us, global`,
    );
  }
  if (!model.inferenceGeo) throw invalid(`model.inference_geo: ${model.id} does not support inference_geo`);
  return geo;
}
