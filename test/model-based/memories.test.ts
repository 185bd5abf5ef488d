import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import fc from 'fast-check';
import { serverHome } from '../support/server.ts';
import type { Model, Subject } from './linearize.ts';
import { assertLinearizable, outcomeOf } from './linearize.ts';

/** By the label of the call that created it. `history` holds the operations of its versions. */
type Memory = { readonly path: string; readonly content: string; readonly history: string };
type State = {
  readonly memories: Readonly<Record<string, Memory>>;
  readonly deleted: Readonly<Record<string, string>>;
};
type Change = { readonly path?: string; readonly content?: string; readonly expected?: string };
type Plan =
  | Exclude<Op, { label: string }>
  /** `which` picks among the memories that this client knows. */
  | (Change & { readonly type: 'update'; readonly which: number })
  | { readonly type: 'delete'; readonly which: number; readonly expected?: string }
  | { readonly type: 'versions'; readonly which: number };
type Op =
  | { readonly type: 'create'; readonly path: string; readonly content: string }
  | (Change & { readonly type: 'update'; readonly label: string })
  | { readonly type: 'delete'; readonly label: string; readonly expected?: string }
  | { readonly type: 'versions'; readonly label: string }
  | { readonly type: 'list' };

const pathConflict = '409 memory_path_conflict_error';
const preconditionFailed = '409 memory_precondition_failed_error';
const shown = (path: string, content: string) => `${path}=${content}`;

function isBlocked(state: State, path: string, except: string | null): boolean {
  const overlap = (a: string, b: string) => a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`);
  return Object.entries(state.memories).some(
    ([label, memory]) => label !== except && overlap(memory.path, path),
  );
}

const model: Model<State, Op> = {
  initial: { memories: {}, deleted: {} },
  apply(state, op, label) {
    const { memories, deleted } = state;
    if (op.type === 'list') {
      const paths = Object.values(memories).map(({ path, content }) => shown(path, content));
      return [state, paths.toSorted().join(' ')];
    }
    if (op.type === 'create') {
      if (isBlocked(state, op.path, null)) return [state, pathConflict];
      const created = { path: op.path, content: op.content, history: 'created' };
      return [{ memories: { ...memories, [label]: created }, deleted }, shown(op.path, op.content)];
    }
    const memory = memories[op.label];
    if (op.type === 'versions') return [state, memory?.history ?? deleted[op.label] ?? ''];
    if (!memory) return [state, '404'];
    const isExpected = op.expected === undefined || op.expected === memory.content;
    if (op.type === 'delete') {
      if (!isExpected) return [state, preconditionFailed];
      const { [op.label]: gone, ...rest } = memories;
      return [{ memories: rest, deleted: { ...deleted, [op.label]: `${gone?.history} deleted` } }, 'deleted'];
    }
    const { path = memory.path, content = memory.content } = op;
    if (path === memory.path && content === memory.content) return [state, shown(path, content)];
    if (!isExpected) return [state, preconditionFailed];
    if (path !== memory.path && isBlocked(state, path, op.label)) return [state, pathConflict];
    const changed = { path, content, history: `${memory.history} modified` };
    return [{ memories: { ...memories, [op.label]: changed }, deleted }, shown(path, content)];
  },
};

const path = fc.constantFrom('/a', '/a/b', '/c', '/c/d/e');
const content = fc.constantFrom('x', 'y');
const which = fc.nat(7);
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 });
/** Absent rather than undefined, which the state's JSON could not tell apart. */
const dense = <T extends object>(plan: T): T => JSON.parse(JSON.stringify(plan));
const plan: fc.Arbitrary<Plan> = fc
  .oneof(
    { weight: 3, arbitrary: fc.record({ type: fc.constant('create' as const), path, content }) },
    {
      weight: 4,
      arbitrary: fc
        .record({
          type: fc.constant('update' as const),
          which,
          path: optional(path),
          content: optional(content),
          expected: optional(content),
        })
        .filter((change) => change.path !== undefined || change.content !== undefined),
    },
    {
      weight: 2,
      arbitrary: fc.record({ type: fc.constant('delete' as const), which, expected: optional(content) }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('versions' as const), which }) },
    { weight: 1, arbitrary: fc.constant({ type: 'list' as const }) },
  )
  .map((one) => dense(one) as Plan);

describe('memories of a store', () => {
  const home = serverHome();
  let client: Anthropic;
  before(async () => {
    const { baseUrl, apiKey } = await home.start();
    client = new Anthropic({ baseURL: baseUrl, apiKey, maxRetries: 0 });
  });
  after(() => home.remove());

  test('keep their paths apart and their preconditions, whoever writes at once', () =>
    assertLinearizable({ model, plan, begin: () => newStore(client), runs: 150 }));
});

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

async function newStore(client: Anthropic): Promise<Subject<Plan, Op>> {
  const { memoryStores } = client.beta;
  const { memories, memoryVersions } = memoryStores;
  const { id: memory_store_id } = await memoryStores.create({ name: 'Notes' });
  /** Ids by label. */
  const known = new Map<string, string>([['none', 'mem_none']]);

  async function create(op: Op & { type: 'create' }, label: string): Promise<string> {
    const { path, content } = op;
    const memory = await memories.create(memory_store_id, { path, content, view: 'full' });
    known.set(label, memory.id);
    return shown(memory.path, memory.content ?? '');
  }

  async function update(op: Op & { type: 'update' }): Promise<string> {
    const { path, content, expected } = op;
    const memory = await memories.update(known.get(op.label) ?? '', {
      memory_store_id,
      view: 'full',
      ...(path === undefined ? {} : { path }),
      ...(content === undefined ? {} : { content }),
      ...(expected === undefined
        ? {}
        : { precondition: { type: 'content_sha256', content_sha256: sha256(expected) } }),
    });
    return shown(memory.path, memory.content ?? '');
  }

  async function call(op: Op, label: string): Promise<string> {
    switch (op.type) {
      case 'create':
        return await create(op, label);
      case 'update':
        return await update(op);
      case 'delete': {
        const expected = op.expected === undefined ? {} : { expected_content_sha256: sha256(op.expected) };
        await memories.delete(known.get(op.label) ?? '', { memory_store_id, ...expected });
        return 'deleted';
      }
      case 'versions': {
        const memory_id = known.get(op.label) ?? '';
        const { data } = await memoryVersions.list(memory_store_id, { memory_id, limit: 100 });
        return data
          .toReversed()
          .map(({ operation }) => operation)
          .join(' ');
      }
      case 'list': {
        const { data } = await memories.list(memory_store_id, { limit: 20, view: 'full' });
        const found = data.map((one) => (one.type === 'memory' ? shown(one.path, one.content ?? '') : ''));
        return found.toSorted().join(' ');
      }
    }
  }

  return {
    aim(planned) {
      if (!('which' in planned)) return planned;
      const { which: index, ...rest } = planned;
      const labels = [...known.keys()];
      return { ...rest, label: labels[index % labels.length] ?? 'none' };
    },
    run: (op, label) => outcomeOf(() => call(op, label)),
  };
}
