import type { ModelCatalog } from '../../domain/catalog.ts';
import { contextTokensDefault, modelOutputTokensDefault } from '../../domain/limits.ts';
import type { Model, ModelFailure } from '../../domain/model.ts';
import type { ContextWindow } from '../../domain/session/compaction.ts';
import type { ProviderTool } from '../../domain/tools/provider-tools.ts';
import type { ModelConfig } from '../../protocol/agents.ts';
import { createMessagesModel } from './messages-model.ts';
import { profileOf, scriptedProfile } from './profile.ts';

export type RoutingOptions = {
  /** Answers `scripted/*` without leaving the process. */
  readonly scripted: (request: Request) => Promise<Response>;
  /** Answers everything else. */
  readonly upstream: {
    readonly baseUrl: string;
    readonly apiKey: string | null;
    readonly profile: string;
    /** Web tools that it runs itself. */
    readonly serverTools: readonly ProviderTool[];
  } | null;
  readonly catalog: ModelCatalog;
};

const noUpstream: ModelFailure = {
  type: 'failure',
  kind: 'request_failed',
  message:
    'No model provider is configured on this server: start it with ANTHROPIC_API_KEY, or name an upstream in anthill.yaml; without one only scripted/* models answer.',
  retryable: false,
  retryAfterMs: null,
};

/** Chooses who answers by the model's id. */
export function createRoutingModel({ scripted, upstream, catalog }: RoutingOptions): Model {
  const limitsOf = (id: string) => {
    const model = catalog.get(id);
    return {
      outputTokensMax: model?.outputTokensMax ?? modelOutputTokensDefault,
      contextTokensMax: model?.contextTokensMax ?? contextTokensDefault,
    };
  };
  const inProcess = createMessagesModel({
    baseURL: 'http://scripted.internal',
    apiKey: 'scripted',
    profile: scriptedProfile,
    limitsOf,
    fetch: (input, init) => scripted(new Request(input, init)),
  });
  const remote =
    upstream &&
    createMessagesModel({
      baseURL: upstream.baseUrl,
      apiKey: upstream.apiKey,
      profile: { ...profileOf(upstream.profile), serverTools: upstream.serverTools },
      limitsOf,
    });
  return {
    request(request, onDelta, signal) {
      if (request.model.id.startsWith('scripted/')) return inProcess.request(request, onDelta, signal);
      return remote ? remote.request(request, onDelta, signal) : Promise.resolve(noUpstream);
    },
  };
}

/** What the model behind an id can be shown, and whether its endpoint keeps old tool results out of it. */
export function windowOf(
  catalog: ModelCatalog,
  upstream: RoutingOptions['upstream'],
  { id }: ModelConfig,
): ContextWindow {
  const profile = id.startsWith('scripted/') ? scriptedProfile : profileOf(upstream?.profile ?? 'generic');
  const contextTokensMax = catalog.get(id)?.contextTokensMax ?? contextTokensDefault;
  return { contextTokensMax, clearsResults: profile.contextEditing };
}

/** The web tools that the model behind an id has its provider run. */
export function providerToolsOf(
  upstream: RoutingOptions['upstream'],
  { id }: ModelConfig,
): readonly ProviderTool[] {
  return id.startsWith('scripted/') ? [] : (upstream?.serverTools ?? []);
}
