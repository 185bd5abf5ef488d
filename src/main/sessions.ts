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
import { workerPollMs } from '../domain/limits.ts';
import type { Mcp, McpTokens } from '../domain/mcp.ts';
import type { ModelReply } from '../domain/model.ts';
import { listCostMicroCents } from '../domain/prices.ts';
import type { Tails } from '../domain/tails.ts';
import { allowedHosts } from '../domain/tools/web-places.ts';
import type { Web } from '../domain/web.ts';
import { createDialler, createResolveName } from '../hands/egress/dial.ts';
import { createMcp } from '../hands/mcp/connections.ts';
import { createWeb } from '../hands/web/web.ts';
import type { ModelConfig } from '../protocol/agents.ts';
import type { Store } from '../store/open.ts';
import type { SharedStore } from '../store/open-postgres.ts';
import type { Instruments } from '../telemetry/instruments.ts';
import type { RunSessions, RunSessionsOptions } from '../workers/run-sessions.ts';
import { runSessions } from '../workers/run-sessions.ts';
import type { Config } from './config.ts';
import { timedLog } from './telemetry.ts';
import { versionOf } from './version.ts';

/** Where no session is driven. */
export const noSessions: RunSessions = {
  claimant: () => null,
  noticeCommit() {},
  running: () => [],
  notice() {},
  poke() {},
  close: async () => {},
};

type Leaving = Pick<TurnDeps, 'hands' | 'repositories'> & { readonly owner: string };

/** Its files go to where others find them; then whoever comes first drives it. */
export function handOverOf(shared: SharedStore, { hands, repositories, owner }: Leaving) {
  return async (sessionId: string): Promise<void> => {
    await repositories.release(sessionId);
    await hands.release(sessionId, { discard: false });
    await shared.leases.leave(sessionId, owner);
    shared.tell({ type: 'freed' });
  };
}

export type SessionParts = {
  readonly config: Config;
  readonly store: Store;
  readonly owner: string;
  readonly tails: Pick<Tails, 'preview'>;
  readonly tools: Pick<TurnDeps, 'hands' | 'repositories'>;
  readonly tokens: McpTokens;
  readonly handOver: RunSessionsOptions['handOver'] | null;
  readonly catalog: ModelCatalog;
  readonly instruments: Instruments;
  readonly log: Log;
};

/** The brains of this server. */
export function startSessions({ config, store, owner, tails, ...parts }: SessionParts): RunSessions {
  const { tools, tokens, catalog, instruments, log } = parts;
  const scripted = createScriptedEndpoint({ scenariosDir: config.scenariosDir, clock: systemClock });
  const model = createRoutingModel({ scripted, upstream: config.upstream, catalog });
  const turnDeps = {
    log: timedLog(store.log, instruments),
    model,
    ...tools,
    mcp: openMcp(tokens, log),
    web: openWeb(store, config, log),
    tails,
    readFile: store.readFile,
    findSkill: store.findSkill,
    providersFor: providersFor(store, config),
    clock: store.clock,
    newId,
    random: Math.random,
    judgeOf: judgeChoice(config.judgeModel, config.upstream?.profile ?? null),
    windowOf: (model: ModelConfig) => windowOf(catalog, config.upstream, model),
    costOf: ({ usage, servedBy }: ModelReply, model: ModelConfig) =>
      listCostMicroCents(usage, catalog.get(servedBy) ?? catalog.get(model.id), model.inference_geo),
  };
  const sessions = runSessions({
    leases: store.leases,
    owner,
    begin: (state) => firstStep(turnDeps, state),
    startTurn: (lease, begun) => startTurn(turnDeps, lease, begun),
    // Others look every so often for leases that ended, and go on in that time.
    leaseMs: config.leaseMs - workerPollMs,
    breakDown: (lease, why) => breakDown(turnDeps, lease, why),
    ...(parts.handOver && { handOver: parts.handOver }),
    clock: store.clock,
    log,
  });
  const hasHands = config.roles.has('hands');
  return {
    ...sessions,
    claimant: (state) => (hasHands || state.selfHosted ? sessions.claimant(state) : null),
  };
}

function openMcp(tokens: McpTokens, log: Log): Mcp {
  return createMcp({ tokens, version: versionOf(), log });
}

function openWeb(store: Store, config: Config, log: Log): Web {
  const dialler = createDialler(config.egress, createResolveName());
  const configOf = store.readEnvironmentConfig;
  return createWeb({ dialler, configOf, search: config.webSearch, version: versionOf(), log });
}

/** A provider knows nothing of the hosts that an environment is limited to: there the server goes to the web itself. */
function providersFor(store: Store, { upstream }: Config): TurnDeps['providersFor'] {
  return async ({ environmentId, agent }) => {
    const tools = providerToolsOf(upstream, agent.model);
    if (tools.length === 0) return tools;
    return allowedHosts(await store.readEnvironmentConfig(environmentId)) === null ? tools : [];
  };
}
