import { after, before, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import fc from 'fast-check';
import { serverHome } from '../support/server.ts';
import type { Model, Subject } from './linearize.ts';
import { assertLinearizable, outcomeOf } from './linearize.ts';

/** The names of all versions in order, and whether it is archived. */
type State = { readonly names: readonly string[]; readonly archived: boolean };
type Plan =
  /** `behind` counts from the newest version that this client has seen; null sends no version. */
  | { readonly type: 'update'; readonly name: string; readonly behind: 0 | 1 | null }
  | Exclude<Op, { type: 'update' }>;
type Op =
  | { readonly type: 'update'; readonly name: string; readonly version: number | null }
  | { readonly type: 'archive' | 'retrieve' | 'versions' };

const shown = (version: number, name: string | undefined, archived: boolean) =>
  `v${version} ${name}${archived ? ' archived' : ''}`;

const model: Model<State, Op> = {
  initial: { names: ['a'], archived: false },
  apply(state, op) {
    const { names, archived } = state;
    const newest = (of: State) => shown(of.names.length, of.names.at(-1), of.archived);
    switch (op.type) {
      case 'retrieve':
        return [state, newest(state)];
      case 'versions':
        return [state, names.map((name, index) => shown(index + 1, name, archived)).join(', ')];
      case 'archive': {
        const next = { names, archived: true };
        return [next, newest(next)];
      }
      case 'update': {
        if (archived) return [state, '400'];
        if (op.version !== null && op.version !== names.length) return [state, '409 conflict_error'];
        if (op.name === names.at(-1)) return [state, newest(state)];
        const next = { names: [...names, op.name], archived };
        return [next, newest(next)];
      }
    }
  },
};

const plan: fc.Arbitrary<Plan> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('update' as const),
      name: fc.constantFrom('a', 'b', 'c'),
      behind: fc.constantFrom(0, 0, 1, null),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ type: 'archive' as const }) },
  { weight: 2, arbitrary: fc.constantFrom({ type: 'retrieve' as const }, { type: 'versions' as const }) },
);

describe('versions of an agent', () => {
  const home = serverHome();
  let client: Anthropic;
  before(async () => {
    const { baseUrl, apiKey } = await home.start();
    client = new Anthropic({ baseURL: baseUrl, apiKey, maxRetries: 0 });
  });
  after(() => home.remove());

  test('are written one after the other, whoever writes at once', () =>
    assertLinearizable({ model, plan, begin: () => newAgent(client), runs: 150 }));
});

async function newAgent(client: Anthropic): Promise<Subject<Plan, Op>> {
  const { agents } = client.beta;
  const agent = await agents.create({ name: 'a', model: 'scripted/demo' });
  let seen = 1;
  const show = (one: { version: number; name: string; archived_at: string | null }) => {
    seen = Math.max(seen, one.version);
    return shown(one.version, one.name, one.archived_at !== null);
  };

  async function call(op: Op): Promise<string> {
    switch (op.type) {
      case 'retrieve':
        return show(await agents.retrieve(agent.id));
      case 'archive':
        return show(await agents.archive(agent.id));
      case 'versions': {
        // One page is one look.
        const { data } = await agents.versions.list(agent.id, { limit: 100 });
        return data.toReversed().map(show).join(', ');
      }
      case 'update': {
        const { name, version } = op;
        return show(await agents.update(agent.id, version === null ? { name } : { name, version }));
      }
    }
  }

  return {
    aim(plan) {
      if (plan.type !== 'update') return plan;
      const version = plan.behind === null ? null : Math.max(1, seen - plan.behind);
      return { type: 'update', name: plan.name, version };
    },
    run: (op) => outcomeOf(() => call(op)),
  };
}
