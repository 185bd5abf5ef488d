import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../src/base/clock.ts';
import { systemClock } from '../../src/base/clock.ts';
import { newId } from '../../src/base/ids.ts';
import { silentLog } from '../../src/base/log.ts';
import { breakDown } from '../../src/brain/break-down.ts';
import { firstStep } from '../../src/brain/first-step.ts';
import { createRoutingModel } from '../../src/brain/models/routing-model.ts';
import { createScriptedEndpoint } from '../../src/brain/models/scripted/endpoint.ts';
import { parseScenario } from '../../src/brain/models/scripted/scenario.ts';
import { startTurn } from '../../src/brain/turn.ts';
import { sendEvents } from '../../src/control/send-events.ts';
import { resolveTools } from '../../src/domain/agent-tools.ts';
import { createCatalog } from '../../src/domain/default-catalog.ts';
import { uploadedFile } from '../../src/domain/files.ts';
import type { Hands, ToolOutcome, ToolRequest } from '../../src/domain/hands.ts';
import type { Mcp } from '../../src/domain/mcp.ts';
import type { Draft } from '../../src/domain/session/draft.ts';
import { draftOf } from '../../src/domain/session/draft.ts';
import type { LogRecord } from '../../src/domain/session/entry.ts';
import { createSession } from '../../src/domain/session/lifecycle.ts';
import type { Commit, Leases } from '../../src/domain/session/session-log.ts';
import type { SessionState } from '../../src/domain/session/state.ts';
import type { FetchPage } from '../../src/domain/web.ts';
import type { AgentToolParams } from '../../src/protocol/agent-tools.ts';
import type { EventParams } from '../../src/protocol/event-params.ts';
import type { SessionEvent } from '../../src/protocol/events.ts';
import { Refusal } from '../../src/protocol/refusal.ts';
import type { SessionResource } from '../../src/protocol/session-resources.ts';
import type { SessionAgent, SessionBudget } from '../../src/protocol/sessions.ts';
import type { Store } from '../../src/store/open.ts';
import { openStore } from '../../src/store/open.ts';
import { createTails } from '../../src/store/tails.ts';
import type { RunSessions } from '../../src/workers/run-sessions.ts';
import { runSessions } from '../../src/workers/run-sessions.ts';
import type { Fuse } from './fuse.ts';
import { Crashed, fusedLeases, fusedLog, fusedModel } from './fuse.ts';
import { unreachableMcp } from './world-mcp.ts';
import { goneRepositories } from './world-repositories.ts';

/** What a run is made of: the model's script, the agent's tools, and what its tools do. */
export type Setting = {
  /** A scenario file's text; the model is `scripted/test`. */
  readonly scenario: string;
  /** Another one, of the model that judges calls; without it nobody does. */
  readonly judge?: string;
  /** Of the model's window. */
  readonly contextTokensMax?: number;
  readonly tools: readonly AgentToolParams[];
  /** What else the session is born with: other parts of its agent, a budget, … */
  readonly agent?: Partial<SessionAgent>;
  readonly budget?: SessionBudget;
  readonly resources?: readonly SessionResource[];
  /** Events the session is created with. */
  readonly initialEvents?: readonly EventParams[];
  /** List cost of every model reply in micro-cents; without it the model has no price. */
  readonly replyMicroCents?: number;
  /** What a built-in tool does: the outcome, and how often it ran, are the outside world's to remember. */
  readonly tool?: (request: ToolRequest, signal: AbortSignal) => Promise<ToolOutcome>;
  /** Without it no MCP server can be reached. */
  readonly mcp?: Mcp;
  /** Whether the worker hears of a commit once more, later: wake-ups may come twice. */
  readonly isHeardTwice?: () => boolean;
};

/**
 * A server without HTTP and without sandboxes: the real store on disk, the real workers and brain, the
 * real scripted endpoint. It can be killed at any step and started again on the same directory; what
 * is outside of it (the model's endpoint, what tools did, the client) lives on.
 */
export type World = {
  readonly sessionId: string;
  /** How often each tool use was executed. */
  readonly executed: ReadonlyMap<string, number>;
  /** A careful client: after a crash it looks whether the server has its events before it sends them again. */
  send(...events: EventParams[]): Promise<void>;
  /** A careless client: sends once without looking. `null`: the server died, and nobody knows. */
  post(...events: EventParams[]): Promise<'accepted' | 'refused' | null>;
  /** Ids of the events that a client was told of. */
  readonly acknowledged: ReadonlySet<string>;
  putFile(id: string, filename: string, text: string): Promise<void>;
  /** A command on the session, as the API's update, archive and so on are. */
  change(rule: (draft: Draft) => void): Promise<void>;
  /** Resolves when the session's state satisfies `condition`, over any number of crashes. */
  until(condition: (state: SessionState) => boolean): Promise<SessionState>;
  /** The API's list of events. */
  events(): Promise<readonly SessionEvent[]>;
  records(): Promise<readonly LogRecord[]>;
  state(): Promise<SessionState>;
  close(): Promise<void>;
};

type Life = {
  readonly store: Store;
  readonly sessions: RunSessions;
  readonly fuse: Fuse;
};

const waitMsMax = 20_000;

export async function startWorld(setting: Setting, fuses: Iterator<Fuse>): Promise<World> {
  const dataDir = mkdtempSync(join(tmpdir(), 'anthill-world-'));
  const executed = new Map<string, number>();
  const watchers = new Set<() => void>();
  const acknowledged = new Set<string>();
  const endpoint = createScriptedEndpoint({
    scenariosDir: dataDir,
    scenarios: {
      test: parseScenario(setting.scenario),
      ...(setting.judge === undefined ? {} : { judge: parseScenario(setting.judge) }),
    },
    clock: hastyClock,
  });
  const outside = {
    setting,
    executed,
    endpoint,
    dataDir,
    notify: () => {
      for (const watch of watchers) watch();
    },
  };
  let life = await begin(outside, nextFuse(fuses));
  const sessionId = await createIn(life, setting);

  async function revived(): Promise<Life> {
    while (life.fuse.isBlown()) {
      await end(life);
      life = await begin(outside, nextFuse(fuses));
    }
    return life;
  }

  /** Runs on a life that lasts long enough; `again` decides after a crash what is left to do. */
  async function survive<T>(work: (life: Life) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work(await revived());
      } catch (cause) {
        if (!(cause instanceof Crashed)) throw cause;
      }
    }
  }

  const stateNow = () =>
    survive(async ({ store }) => {
      const state = await store.log.state(sessionId);
      if (!state) throw new Error('the session is gone');
      return state;
    });

  async function until(condition: (state: SessionState) => boolean): Promise<SessionState> {
    const deadline = Date.now() + waitMsMax;
    for (;;) {
      const state = await stateNow();
      if (condition(state)) return state;
      if (Date.now() > deadline) throw new Error(`stuck: ${state.status}, ${JSON.stringify(state.round)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, 20);
        function done() {
          clearTimeout(timer);
          watchers.delete(done);
          resolve();
        }
        watchers.add(done);
      });
    }
  }

  async function deliver({ store, fuse }: Life, events: readonly EventParams[]): Promise<void> {
    const log = fusedLog(store.log, fuse);
    const { files } = store.workspace('wrkspc_1').collections;
    const { data } = await sendEvents({ log, catalog, files, clock: hastyClock, newId }, sessionId, {
      events,
      isWorker: false,
    });
    // An interrupt at the cap is taken and forgotten.
    for (const { id, type } of data) if (type !== 'user.interrupt') acknowledged.add(id);
  }

  const records = () => survive(({ store }) => store.log.read(sessionId, 0, 10_000));
  const acceptedCount = async () => (await records()).filter(({ entry }) => entry.kind === 'accepted').length;

  return {
    sessionId,
    executed,
    acknowledged,
    async send(...events) {
      const before = await acceptedCount();
      await survive(async (now) => {
        if ((await acceptedCount()) > before) return;
        await deliver(now, events);
      });
    },
    async post(...events) {
      try {
        await deliver(await revived(), events);
        return 'accepted';
      } catch (cause) {
        if (cause instanceof Refusal) return 'refused';
        if (cause instanceof Crashed) return null;
        throw cause;
      }
    },
    putFile: (id, filename, text) =>
      survive(async ({ store }) => {
        const bytes = Buffer.byteLength(text);
        const upload = { id, filename, mimeType: 'text/plain', bytes, expiresInSeconds: null };
        const { files } = store.workspace('wrkspc_1').collections;
        const staged = await store.blobs.stage(bytesOf(text));
        await files.insert(uploadedFile(upload, hastyClock.nowUs()), staged, () => {});
      }),
    change: (rule) =>
      survive(async ({ store, fuse }) => {
        await fusedLog(store.log, fuse).commit(sessionId, (state) => {
          const draft = draftOf(state, { nowUs: hastyClock.nowUs(), newId });
          rule(draft);
          return { entries: draft.entries(), result: null };
        });
      }),
    until,
    events: () =>
      survive(async ({ store }) => {
        const query = { limit: 10_000, order: 'asc', after: null, createdAt: {}, types: null } as const;
        return (await store.log.events(sessionId, query)).map(({ item }) => item);
      }),
    records,
    state: stateNow,
    async close() {
      life.fuse.blow();
      await end(life);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

function nextFuse(fuses: Iterator<Fuse>): Fuse {
  const next = fuses.next();
  if (next.done) throw new Error('a world needs a fuse for every life');
  return next.value;
}

type Outside = {
  readonly setting: Setting;
  readonly executed: Map<string, number>;
  readonly endpoint: (request: Request) => Promise<Response>;
  readonly dataDir: string;
  readonly notify: () => void;
};

async function begin({ setting, executed, endpoint, dataDir, notify }: Outside, fuse: Fuse): Promise<Life> {
  const tails = createTails(hastyClock);
  function hearAgain({ lease: _taken, ...commit }: Commit): void {
    if (!fuse.isBlown()) sessions?.noticeCommit(commit);
  }
  let sessions: RunSessions | null = null;
  const store = await openStore({
    dataDir,
    clock: hastyClock,
    afterCommit(commit) {
      if (!fuse.isBlown()) sessions?.noticeCommit(commit);
      if (setting.isHeardTwice?.()) setImmediate(() => hearAgain(commit));
      notify();
    },
    claimant(state) {
      const claim = fuse.isBlown() ? null : sessions?.claimant(state);
      return claim ? { ...claim, untilUs: claim.untilUs + patienceUs } : null;
    },
  });
  const log = fusedLog(store.log, fuse);
  const deps = {
    log,
    model: fusedModel(createRoutingModel({ scripted: endpoint, upstream: null, catalog }), fuse),
    hands: handsOf(setting, executed, fuse),
    mcp: setting.mcp ?? unreachableMcp,
    repositories: goneRepositories,
    web: {
      canSearch: false,
      search: async () => ok('No results.'),
      fetchPage: async ({ url }: FetchPage) => ok(`the page at ${url}`),
    },
    tails,
    readFile: store.readFile,
    findSkill: store.findSkill,
    providersFor: async () => [],
    clock: setting.judge === undefined ? hastyClock : patientClock,
    newId,
    random: () => 0.5,
    costOf: () => setting.replyMicroCents ?? null,
    judgeOf: () => (setting.judge === undefined ? null : { id: 'scripted/judge' }),
    windowOf: () => ({ contextTokensMax: setting.contextTokensMax ?? 200_000, clearsResults: false }),
  };
  sessions = runSessions({
    leases: patientLeases(fusedLeases(store.leases, fuse)),
    owner: 'world',
    begin: (state) => firstStep(deps, state),
    startTurn: (lease, begun) => startTurn(deps, lease, begun),
    breakDown: (lease, why) => breakDown(deps, lease, why),
    leaseMs: 60_000,
    clock: hastyClock,
    log: silentLog,
  });
  fuse.onBlown(notify);
  return { store, sessions, fuse };
}

/** Leases are kept alive by the wall's clock, so they must not run out by the hasty one. */
function patientLeases(leases: Leases): Leases {
  return {
    ...leases,
    claim: (owner, ttlMs) => leases.claim(owner, ttlMs + patienceUs / 1000),
    extend: (lease, ttlMs) => leases.extend(lease, ttlMs + patienceUs / 1000),
  };
}

/** Death: nothing that was awaited goes on to write, and the next life finds only what is on disk. */
async function end({ store, sessions }: Life): Promise<void> {
  await sessions.close(0);
  await store.close();
}

async function createIn({ store }: Life, setting: Setting): Promise<string> {
  const nowUs = hastyClock.nowUs();
  const at = new Date(nowUs / 1000).toISOString();
  const environment = {
    id: newId('env'),
    type: 'environment' as const,
    name: 'test',
    description: null,
    config: { type: 'self_hosted' as const },
    metadata: {},
    created_at: at,
    updated_at: at,
    archived_at: null,
  };
  const workspace = store.workspace('wrkspc_1');
  await workspace.collections.environments.insert(environment);
  const birth = {
    id: newId('sesn'),
    threadId: newId('sthr'),
    environmentId: environment.id,
    agent: {
      id: 'agent_1',
      type: 'agent' as const,
      version: 1,
      name: 'Tester',
      model: { id: 'scripted/test' },
      description: null,
      system: null,
      tools: resolveTools([...setting.tools]),
      mcp_servers: [],
      skills: [],
      execution_identity: { type: 'service_account' as const },
      multiagent: null,
      ...setting.agent,
    },
    title: null,
    metadata: {},
    budget: setting.budget ?? null,
    resources: setting.resources ?? [],
    createdAtUs: nowUs,
  };
  const state = await workspace.log.create(
    createSession(birth, setting.initialEvents ?? [], { nowUs, newId }),
  );
  return state.id;
}

/** Tools as data: each call is counted, then does what the setting says, or nothing at all. */
function handsOf({ tool }: Setting, executed: Map<string, number>, fuse: Fuse): Hands {
  return {
    warm() {},
    rest() {},
    async settle() {},
    async release() {},
    async close() {},
    spill: async (_recipe, _request, outcome) => outcome,
    async execute(_recipe, request, signal) {
      if (!fuse.burn('tool starts')) return cut;
      executed.set(request.eventId, (executed.get(request.eventId) ?? 0) + 1);
      const outcome = (await tool?.(request, signal)) ?? ok(`${request.name} done`);
      return fuse.burn('tool has ended') ? outcome : cut;
    },
  };
}

/** What a dead process answers; nobody hears it. */
const cut: ToolOutcome = { content: [], isError: true };

export const ok = (text: string): ToolOutcome => ({ content: [{ type: 'text', text }], isError: false });

/** Two hundred times as fast as the wall's: a retry that waits a second waits five milliseconds. */
const haste = 200;
/** More than any story takes. */
const patienceUs = 3_600_000_000 * haste;
const begunUs = systemClock.nowUs();
const catalog = createCatalog([]);
const hastyClock: Clock = {
  nowUs: () => begunUs + (systemClock.nowUs() - begunUs) * haste,
  sleep: (ms, signal) => systemClock.sleep(ms / haste, signal),
};
/** A judge has as long as it ever has: on a busy machine ten seconds in a hurry are over before it could answer. */
const patientClock: Clock = { nowUs: hastyClock.nowUs, sleep: systemClock.sleep };
