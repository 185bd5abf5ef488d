import { systemClock } from '../base/clock.ts';
import { newId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import { breakDown } from '../brain/break-down.ts';
import { firstStep } from '../brain/first-step.ts';
import { judgeChoice } from '../brain/judge.ts';
import { createRoutingModel, providerToolsOf, windowOf } from '../brain/models/routing-model.ts';
import { createScriptedEndpoint } from '../brain/models/scripted/endpoint.ts';
import type { TurnDeps } from '../brain/turn.ts';
import { startTurn } from '../brain/turn.ts';
import type { ModelCatalog } from '../domain/catalog.ts';
import type { ModelReply } from '../domain/model.ts';
import { listCostMicroCents } from '../domain/prices.ts';
import type { Tails } from '../domain/tails.ts';
import { allowedHosts } from '../domain/tools/web-places.ts';
import type { ModelConfig } from '../protocol/agents.ts';
import type { Store } from '../store/open.ts';
import type { Instruments } from '../telemetry/instruments.ts';
import type { RunSessions } from '../workers/run-sessions.ts';
import { runSessions } from '../workers/run-sessions.ts';
import type { Config } from './config.ts';
import { timedLog } from './telemetry.ts';

type SessionParts = {
  readonly config: Config;
  readonly store: Store;
  readonly owner: string;
  readonly tails: Tails;
  readonly tools: Pick<TurnDeps, 'hands' | 'mcp' | 'repositories' | 'web'>;
  readonly catalog: ModelCatalog;
  readonly instruments: Instruments;
  readonly log: Log;
};

/** The brain and the loop that drives sessions with it. */
export function startSessions({
  config,
  store,
  owner,
  tails,
  tools,
  catalog,
  instruments,
  log,
}: SessionParts): RunSessions {
  const scripted = createScriptedEndpoint({ scenariosDir: config.scenariosDir, clock: systemClock });
  const model = createRoutingModel({ scripted, upstream: config.upstream, catalog });
  const turnDeps = {
    log: timedLog(store.log, instruments),
    model,
    ...tools,
    tails,
    readFile: store.readFile,
    findSkill: store.findSkill,
    providersFor: providersFor(store, config),
    clock: systemClock,
    newId,
    random: Math.random,
    judgeOf: judgeChoice(config.judgeModel, config.upstream?.profile ?? null),
    windowOf: (model: ModelConfig) => windowOf(catalog, config.upstream, model),
    costOf: ({ usage, servedBy }: ModelReply, model: ModelConfig) =>
      listCostMicroCents(usage, catalog.get(servedBy) ?? catalog.get(model.id), model.inference_geo),
  };
  return runSessions({
    leases: store.leases,
    owner,
    begin: (state) => firstStep(turnDeps, state),
    startTurn: (lease, begun) => startTurn(turnDeps, lease, begun),
    leaseMs: config.leaseMs,
    breakDown: (lease, why) => breakDown(turnDeps, lease, why),
    clock: systemClock,
    log,
  });
}

/** A provider knows nothing of the hosts that an environment is limited to: there the server goes to the web itself. */
function providersFor(store: Store, { upstream }: Config): TurnDeps['providersFor'] {
  return async ({ environmentId, agent }) => {
    const tools = providerToolsOf(upstream, agent.model);
    if (tools.length === 0) return tools;
    return allowedHosts(await store.readEnvironmentConfig(environmentId)) === null ? tools : [];
  };
}
