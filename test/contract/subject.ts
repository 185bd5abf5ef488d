import assert from 'node:assert/strict';
import type { PageQuery } from '../../src/domain/collections.ts';
import type { WireBlock } from '../../src/domain/model.ts';
import type { Step } from '../../src/domain/session/advance.ts';
import { advance } from '../../src/domain/session/advance.ts';
import { acceptEvents } from '../../src/domain/session/decide.ts';
import type { Draft, Moment } from '../../src/domain/session/draft.ts';
import { draftOf } from '../../src/domain/session/draft.ts';
import type { LogRecord, SessionBirth } from '../../src/domain/session/entry.ts';
import { createSession } from '../../src/domain/session/lifecycle.ts';
import { recordReply } from '../../src/domain/session/replies.ts';
import type { Commit, Lease, Positioned } from '../../src/domain/session/session-log.ts';
import type { SessionState } from '../../src/domain/session/state.ts';
import type { Environment } from '../../src/protocol/environments.ts';
import type { FileMetadata } from '../../src/protocol/files.ts';
import type { Refusal, RefusalCode } from '../../src/protocol/refusal.ts';
import type { Store, StoreOptions, WorkspaceStore } from '../../src/store/open.ts';
import type { FakeClock } from '../support/clock.ts';
import { fakeClock } from '../support/clock.ts';
import { message, pureSession, text, toolUse, usage } from '../support/pure-session.ts';

/** An empty store on the engine under test; `close` takes its data along. */
export type MakeStore = (options: Omit<StoreOptions, 'dataDir'>) => Promise<Store>;

/** A store under test, its clock, and clients that decide by the rules of the domain. */
export type Subject = Store &
  WorkspaceStore &
  AsyncDisposable & {
    readonly clock: FakeClock;
    /** What `afterCommit` was told. */
    readonly commits: readonly Commit[];
    /** A new session in the environment `env_1`. */
    create(birth?: Partial<SessionBirth>, texts?: readonly string[]): Promise<SessionState>;
    decide<T>(id: string, rule: (draft: Draft) => T, lease?: Lease): Promise<T>;
    /** One batch of messages; their ids. */
    send(id: string, ...texts: string[]): Promise<string[]>;
    records(id: string): Promise<readonly LogRecord[]>;
  };

export async function openSubject(
  make: MakeStore,
  options: Pick<StoreOptions, 'claimant'> = {},
): Promise<Subject> {
  const clock = fakeClock();
  const commits: Commit[] = [];
  const store = await make({ clock, afterCommit: (commit) => commits.push(commit), ...options });
  const workspace = store.workspace('wrkspc_1');
  await workspace.collections.environments.insert(environment());
  let ids = 0;
  const moment = (): Moment => ({ nowUs: clock.nowUs(), newId: (prefix) => `${prefix}_${++ids}` });

  function decide<T>(id: string, rule: (draft: Draft) => T, lease?: Lease): Promise<T> {
    const decision = (state: SessionState) => {
      const draft = draftOf(state, moment());
      const result = rule(draft);
      return { entries: draft.entries(), result };
    };
    return workspace.log.commit(id, decision, lease);
  }

  return {
    ...store,
    ...workspace,
    clock,
    commits,
    create(birth, texts = []) {
      const born = birthOf({ createdAtUs: clock.nowUs(), ...birth });
      return workspace.log.create(createSession(born, texts.map(message), moment()));
    },
    decide,
    send: (id, ...texts) =>
      decide(id, (draft) => acceptEvents(draft, texts.map(message)).map((event) => event.id)),
    records: (id) => workspace.log.read(id, 0, 100_000),
    [Symbol.asyncDispose]: () => store.close(),
  };
}

/** A file of three bytes. */
export const csvFile: FileMetadata = {
  id: 'file_1',
  type: 'file',
  filename: 'a.csv',
  mime_type: 'text/csv',
  size_bytes: 3,
  downloadable: false,
  created_at: '2026-09-21T00:00:00.000000Z',
  expires_at: null,
  scope: null,
};

export function birthOf(birth: Partial<SessionBirth>): SessionBirth {
  const [created] = pureSession(undefined, birth).entries;
  assert.ok(created?.kind === 'created');
  return created.session;
}

export function environment(changes: Partial<Environment> = {}): Environment {
  const at = '2026-09-21T00:00:00.000000Z';
  return {
    id: 'env_1',
    type: 'environment',
    name: 'meadow',
    description: null,
    config: { type: 'self_hosted' },
    metadata: {},
    created_at: at,
    updated_at: at,
    archived_at: null,
    ...changes,
  };
}

const window = { contextTokensMax: 200_000, clearsResults: false };

/** As far as the brain would go now. */
export const goOn = (draft: Draft): Step =>
  advance(draft, { inFlight: { request: null, calls: new Set() }, startErrors: [], window });

/** The model answers the open request in words, which ends the turn. */
export const answer = (draft: Draft, words = 'done'): Step => reply(draft, text(words));

/** The model answers it with a call of a tool, which begins to run. */
export const callTool = (draft: Draft): Step =>
  reply(draft, toolUse(`toolu_${draft.state().seq}`, 'bash', { command: 'true' }));

function reply(draft: Draft, block: WireBlock): Step {
  const requestId = draft.state().round.openRequest;
  assert.ok(requestId);
  recordReply(draft, {
    requestId,
    reply: {
      type: 'reply',
      content: [block],
      stopReason: block.type === 'tool_use' ? 'tool_use' : 'end_turn',
      refusal: null,
      usage,
      servedBy: 'scripted/test',
      malformed: [],
    },
    previewed: new Map(),
    costMicroCents: 1_000,
  });
  return goOn(draft);
}

/** What `assert.rejects` compares a refusal by. */
export const refusal = (code: RefusalCode, errorCode?: string) => (cause: unknown) => {
  const { name, code: actual, errorCode: actualErrorCode } = cause as Refusal;
  assert.deepEqual([name, actual, actualErrorCode], ['Refusal', code, errorCode]);
  return true;
};

type Fetch<T> = (query: PageQuery) => Promise<readonly Positioned<T>[]>;

/** The list read page by page gives `expected`, in both directions, whatever the size of the pages. */
export async function assertPages<T>(fetch: Fetch<T>, expected: readonly T[]): Promise<void> {
  for (const order of ['asc', 'desc'] as const) {
    const inOrder = order === 'asc' ? expected : expected.toReversed();
    for (const limit of [1, 2, 3, expected.length + 1]) {
      const seen: T[] = [];
      let after: PageQuery['after'] = null;
      for (;;) {
        const page = await fetch({ limit, order, after, createdAt: {} });
        assert.ok(page.length <= limit);
        seen.push(...page.map(({ item }) => item));
        after = page.at(-1)?.position ?? null;
        if (after === null) break;
        assert.ok(seen.length <= expected.length, 'the list ends');
      }
      assert.deepEqual(seen, inOrder, `${order}, ${limit} a page`);
    }
  }
}

/** Windows on the sort time of a list, against the same windows on its times in memory. */
export async function assertBounds<T>(
  fetch: Fetch<T>,
  all: readonly { readonly item: T; readonly atUs: number }[],
): Promise<void> {
  const holds = {
    gt: (atUs: number, bound: number) => atUs > bound,
    gte: (atUs: number, bound: number) => atUs >= bound,
    lt: (atUs: number, bound: number) => atUs < bound,
    lte: (atUs: number, bound: number) => atUs <= bound,
  } as const;
  for (const { atUs: bound } of all) {
    for (const name of ['gt', 'gte', 'lt', 'lte'] as const) {
      const page = await fetch({ limit: 1000, order: 'asc', after: null, createdAt: { [name]: bound } });
      assert.deepEqual(
        page.map(({ item }) => item),
        all.filter(({ atUs }) => holds[name](atUs, bound)).map(({ item }) => item),
        `${name} ${bound}`,
      );
    }
  }
}
