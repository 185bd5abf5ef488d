import type { ModelCatalog } from '../../domain/catalog.ts';
import { modelOutputTokensDefault } from '../../domain/limits.ts';
import type { Model, ModelFailure } from '../../domain/model.ts';
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
  const outputTokensMax = (id: string) => catalog.get(id)?.outputTokensMax ?? modelOutputTokensDefault;
  const inProcess = createMessagesModel({
    baseURL: 'http://scripted.internal',
    apiKey: 'scripted',
    profile: scriptedProfile,
    outputTokensMax,
    fetch: (input, init) => scripted(new Request(input, init)),
  });
  const remote =
    upstream &&
    createMessagesModel({
      baseURL: upstream.baseUrl,
      apiKey: upstream.apiKey,
      profile: profileOf(upstream.profile),
      outputTokensMax,
    });
  return {
    request(request, onDelta, signal) {
      if (request.model.id.startsWith('scripted/')) return inProcess.request(request, onDelta, signal);
      return remote ? remote.request(request, onDelta, signal) : Promise.resolve(noUpstream);
    },
  };
}
