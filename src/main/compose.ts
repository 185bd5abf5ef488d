import { systemClock } from '../base/clock.ts';
import { newId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import { createWorkSignals } from '../control/work-signals.ts';
import { createCatalog } from '../domain/default-catalog.ts';
import { credentialProbeMsMax, drainGraceMs, tokenRefreshMsMax } from '../domain/limits.ts';
import type { SandboxProvider } from '../domain/sandbox.ts';
import type { Claimant, Commit } from '../domain/session/session-log.ts';
import { createProbe } from '../hands/mcp/probe.ts';
import type { App } from '../http/app.ts';
import { createApp } from '../http/app.ts';
import { createCursors } from '../http/cursors.ts';
import { createProbeApp } from '../http/probe-app.ts';
import type { RunningServer } from '../http/server.ts';
import { startServer } from '../http/server.ts';
import type { Store } from '../store/open.ts';
import { createTails } from '../store/tails.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { openTelemetry } from '../telemetry/telemetry.ts';
import { createMcpTokens } from '../vault/mcp-tokens.ts';
import { createRefresh } from '../vault/open-credential.ts';
import { createRepositoryTokens } from '../vault/repository-tokens.ts';
import { createSandboxSecrets } from '../vault/sandbox-secrets.ts';
import { createSeal, createUnseal } from '../vault/sealing.ts';
import { createValidate } from '../vault/validate.ts';
import { tendSandboxes } from '../workers/tend-sandboxes.ts';
import type { Config } from './config.ts';
import type { HandlerParts } from './handlers.ts';
import { handlersByWorkspace } from './handlers.ts';
import { composeHands } from './hands.ts';
import { keepHouse } from './housekeeping.ts';
import { openStoreKey } from './master-key.ts';
import { openConfiguredStore } from './open-store.ts';
import type { Founded } from './organization.ts';
import { createDoor, foundOrganization } from './organization.ts';
import { createOtherServers } from './other-servers.ts';
import { handOverOf, noSessions, startSessions } from './sessions.ts';
import { gaugesOf, timedProvider, watchedAnswers } from './telemetry.ts';
import { checkUpstream } from './upstream.ts';
import { versionOf } from './version.ts';

export type Anthill = {
  readonly baseUrl: string;
  readonly apiKey: string;
  /** SIGTERM: running rounds finish or stop at a point from which the next start goes on. */
  close(): Promise<void>;
};

/** Puts the parts together; the only place that knows them all. */
export async function startAnthill(config: Config, provider: SandboxProvider, log: Log): Promise<Anthill> {
  const { isExported } = config.metrics;
  const telemetry = await openTelemetry({ version: versionOf(), isExported, clock: systemClock, log });
  return await assemble(config, timedProvider(provider, telemetry.instruments), telemetry);
}

async function assemble(config: Config, provider: SandboxProvider, telemetry: Telemetry): Promise<Anthill> {
  const clock = systemClock;
  const { log, instruments } = telemetry;
  const others = createOtherServers(log);
  const tails = createTails(clock, others.besides);
  const workSignals = createWorkSignals();
  const listeners: ((commit: Commit) => void)[] = [
    (commit) => tails.publish(commit),
    others.noticeCommit,
    telemetry.noticeCommit,
    ({ state }) => state.selfHosted && workSignals.notify(state.environmentId),
  ];
  const afterCommit = (commit: Commit) => {
    for (const listen of listeners) listen(commit);
  };
  let claimant: Claimant = () => null;
  const { store, owner, shared } = await openConfiguredStore(config, {
    afterCommit,
    claimant: (state) => claimant(state),
    isHeard: tails.isWatched,
    ...others.line,
  });
  if (shared && shared.skewMs !== 0) log.warn('server.clock_differs', { aheadMs: shared.skewMs });
  const { key, founded } = await found(store, config, log);
  const { vault, tokens, secrets, repositoryTokens } = openVault(store, key);
  const catalog = createCatalog(config.models);
  await provider.sweep();
  const isShared = shared !== null;
  const parts = { store, config, provider, secrets, repositoryTokens, instruments, isShared, log };
  const { hands, repositories } = composeHands(parts);
  const { roles } = config;
  if (roles.has('hands')) listeners.push(tendSandboxes(hands, repositories));

  const tools = { hands, repositories };
  const previews = others.previewsOf(tails);
  const handOver = shared && handOverOf(shared, { owner, ...tools });
  const common = { config, store, owner, tokens, catalog, instruments, handOver, log };
  const sessions = roles.has('brain') ? startSessions({ ...common, tails: previews, tools }) : noSessions;
  telemetry.observe(gaugesOf(store, tails));
  listeners.push((commit) => sessions.noticeCommit(commit));
  claimant = sessions.claimant;
  if (shared) others.follow({ shared, tails, sessions, hands, notifyQueue: workSignals.notify });
  const house = keepHouse({ store, config, hands, organizationId: founded.organizationId, log });
  let ready = true;
  const answered = { config, store, founded, tails, workSignals, catalog, vault, telemetry };
  const app = openApp({ ...answered, isReady: () => ready });
  async function close(server: RunningServer | null): Promise<void> {
    ready = false;
    server?.drain();
    const rested = sessions.close(drainGraceMs);
    // Whoever sends requests here looks at /health from time to time.
    await clock.sleep(config.drainNoticeMs);
    tails.close();
    await Promise.all([server?.close(drainGraceMs), rested, house.close()]);
    await others.close();
    await repositories.close();
    await hands.close();
    await store.close();
    await telemetry.close();
  }
  return { ...(await listen(app, config, close)), apiKey: founded.first.secret };
}

type AppParts = Pick<HandlerParts, 'config' | 'store' | 'tails' | 'workSignals' | 'catalog' | 'vault'> & {
  readonly founded: Founded;
  readonly telemetry: Telemetry;
  readonly isReady: () => boolean;
};

/** What answers requests: the API, or what every server has to say of itself. */
function openApp({ founded, telemetry, isReady, ...parts }: AppParts): App {
  const { config, store } = parts;
  const { first, cursorKey, ...organization } = founded;
  const { log } = telemetry;
  const door = {
    admission: createDoor(store, { config, first, log }),
    isReady,
    ...watchedAnswers(telemetry, config),
    organizationId: organization.organizationId,
    newId,
    log,
  };
  if (!config.roles.has('api')) return createProbeApp(door);
  const handlers = handlersByWorkspace({ ...parts, organization, log });
  const cursors = createCursors(cursorKey);
  return createApp({ ...door, handlers, cursors, version: versionOf(), clock: systemClock });
}

/** When nothing can be served, nothing may stay behind that would keep the process alive. */
async function listen(
  app: App,
  { host, port }: Config,
  close: (server: RunningServer | null) => Promise<void>,
): Promise<Omit<Anthill, 'apiKey'>> {
  const server = await startServer({ app, host, port }).catch(async (cause: unknown) => {
    await close(null);
    throw cause;
  });
  return { baseUrl: `http://${urlHost(host)}:${server.port}`, close: () => close(server) };
}

/** What there is before anybody is served. Closes the store when something keeps the server from starting. */
async function found(store: Store, config: Config, log: Log): Promise<{ key: Uint8Array; founded: Founded }> {
  try {
    const key = await openStoreKey(store, config, log);
    const founded = await foundOrganization(store.organization, config, log);
    if (config.upstream) await checkUpstream(config.upstream, config, store.organization.access);
    return { key, founded };
  } catch (cause) {
    await store.close();
    throw cause;
  }
}

/** What is done with the secrets of vaults, under the master key. */
function openVault(store: Store, key: Uint8Array) {
  const clock = systemClock;
  const probe = createProbe({ deadlineMs: credentialProbeMsMax, version: versionOf() });
  const refresh = createRefresh({ key, clock, refreshMsMax: tokenRefreshMsMax });
  return {
    vault: {
      seal: createSeal(key),
      unseal: createUnseal(key),
      validate: createValidate({ key, probe, refresh }),
    },
    tokens: createMcpTokens({ key, credentials: store.sessionCredentials, refresh, clock }),
    secrets: createSandboxSecrets({ key, credentials: store.sessionCredentials }),
    repositoryTokens: createRepositoryTokens({ key, read: store.readRepositoryToken }),
  };
}

/** What a client on this machine puts into a URL. */
function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
