import { after, before, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import fc from 'fast-check';
import { serverHome } from '../support/server.ts';
import type { Model, Subject } from './linearize.ts';
import { assertLinearizable, outcomeOf } from './linearize.ts';

let client: Anthropic;
const home = serverHome();
before(async () => {
  const { baseUrl, apiKey } = await home.start();
  client = new Anthropic({ baseURL: baseUrl, apiKey, maxRetries: 0 });
});
after(() => home.remove());

/** By the label of the call that created it. */
type Thing = { readonly name: string; readonly archived: boolean };
type Things = Readonly<Record<string, Thing>>;
type ThingPlan =
  | { readonly type: 'create'; readonly name: string }
  | { readonly type: 'rename'; readonly which: number; readonly name: string }
  | { readonly type: 'archive' | 'delete' | 'retrieve'; readonly which: number };
type ThingOp =
  | { readonly type: 'create'; readonly name: string }
  | { readonly type: 'rename'; readonly label: string; readonly name: string }
  | { readonly type: 'archive' | 'delete' | 'retrieve'; readonly label: string };

const shown = ({ name, archived }: Thing) => `${name}${archived ? ' archived' : ''}`;
const without = (things: Things, label: string): Things =>
  Object.fromEntries(Object.entries(things).filter(([other]) => other !== label));

/** Things of which no two active ones may have one name. */
const apart: Model<Things, ThingOp> = {
  initial: {},
  apply(things, op, label) {
    const isTaken = (name: string, except: string) =>
      Object.entries(things).some(([other, one]) => other !== except && !one.archived && one.name === name);
    if (op.type === 'create') {
      if (isTaken(op.name, label)) return [things, '409 conflict_error'];
      return [{ ...things, [label]: { name: op.name, archived: false } }, op.name];
    }
    const thing = things[op.label];
    if (!thing) return [things, '404'];
    switch (op.type) {
      case 'retrieve':
        return [things, shown(thing)];
      case 'delete':
        return [without(things, op.label), 'deleted'];
      case 'archive': {
        const archived = { ...thing, archived: true };
        return [{ ...things, [op.label]: archived }, shown(archived)];
      }
      case 'rename': {
        if (thing.archived) return [things, '400'];
        if (isTaken(op.name, op.label)) return [things, '409 conflict_error'];
        const renamed = { ...thing, name: op.name };
        return [{ ...things, [op.label]: renamed }, shown(renamed)];
      }
    }
  },
};

const name = fc.constantFrom('a', 'b', 'c');
const which = fc.nat(7);
const thingPlan: fc.Arbitrary<ThingPlan> = fc.oneof(
  fc.record({ type: fc.constant('create' as const), name }),
  fc.record({ type: fc.constant('rename' as const), which, name }),
  fc.record({ type: fc.constantFrom('archive' as const, 'delete', 'retrieve'), which }),
);

/** What is created is known to later rounds by the label of its call. */
function directory(prefix: string) {
  const ids = new Map([['none', `${prefix}_none`]]);
  return {
    add: (label: string, id: string) => void ids.set(label, id),
    id: (label: string) => ids.get(label) ?? '',
    labelOf: (index: number) => [...ids.keys()][index % ids.size] ?? 'none',
  };
}

let places = 0;

function newPlace(): Subject<ThingPlan, ThingOp> {
  const { environments } = client.beta;
  const known = directory('env');
  // Environments share one space of names, so every run has names of its own.
  const place = ` of ${++places}`;
  const show = (one: { name: string; archived_at: string | null }) =>
    shown({ name: one.name.replace(place, ''), archived: one.archived_at !== null });

  async function call(op: ThingOp, label: string): Promise<string> {
    switch (op.type) {
      case 'create': {
        const environment = await environments.create({ name: op.name + place });
        known.add(label, environment.id);
        return show(environment);
      }
      case 'rename':
        return show(await environments.update(known.id(op.label), { name: op.name + place }));
      case 'archive':
        return show(await environments.archive(known.id(op.label)));
      case 'retrieve':
        return show(await environments.retrieve(known.id(op.label)));
      case 'delete':
        await environments.delete(known.id(op.label));
        return 'deleted';
    }
  }

  return {
    aim: (plan) => ('which' in plan ? aimed(plan, known.labelOf(plan.which)) : plan),
    run: (op, label) => outcomeOf(() => call(op, label)),
  };
}

function aimed(plan: Exclude<ThingPlan, { type: 'create' }>, label: string): ThingOp {
  return plan.type === 'rename' ? { type: 'rename', label, name: plan.name } : { type: plan.type, label };
}

/** A vault with what its credentials are for; `null`: deleted. */
type Vault = { readonly archived: boolean; readonly credentials: Things } | null;
type VaultOp =
  | Exclude<ThingOp, { type: 'rename' }>
  | { readonly type: 'archive vault' | 'delete vault' | 'list' };
type VaultPlan =
  | Exclude<ThingPlan, { type: 'rename' }>
  | { readonly type: 'archive vault' | 'delete vault' | 'list' };

const vaultModel: Model<Vault, VaultOp> = {
  initial: { archived: false, credentials: {} },
  apply(vault, op, label) {
    if (vault === null) return [vault, '404'];
    const { credentials, archived } = vault;
    switch (op.type) {
      case 'delete vault':
        return [null, 'deleted'];
      case 'archive vault': {
        const all = Object.entries(credentials).map(([key, one]) => [key, { ...one, archived: true }]);
        return [{ archived: true, credentials: Object.fromEntries(all) }, 'archived'];
      }
      case 'list':
        return [vault, Object.values(credentials).map(shown).toSorted().join(' ')];
      default: {
        if (archived && op.type === 'create') return [vault, '400'];
        const [after, outcome] = apart.apply(credentials, op, label);
        return [{ archived, credentials: after }, outcome];
      }
    }
  },
};

const vaultPlan: fc.Arbitrary<VaultPlan> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('create' as const), name }) },
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constantFrom('archive' as const, 'delete', 'retrieve'), which }),
  },
  { weight: 2, arbitrary: fc.constant({ type: 'list' as const }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('archive vault' as const, 'delete vault') }) },
);

async function newVault(): Promise<Subject<VaultPlan, VaultOp>> {
  const { vaults } = client.beta;
  const { credentials } = vaults;
  const { id: vault_id } = await vaults.create({ display_name: 'Keys' });
  const known = directory('vcrd');
  const show = ({ auth, archived_at }: Anthropic.Beta.Vaults.BetaManagedAgentsCredential) =>
    shown({
      name: auth.type === 'environment_variable' ? auth.secret_name : '',
      archived: archived_at !== null,
    });

  async function call(op: VaultOp, label: string): Promise<string> {
    switch (op.type) {
      case 'create': {
        const auth = {
          type: 'environment_variable' as const,
          secret_name: op.name,
          secret_value: 's',
          networking: { type: 'unrestricted' as const },
        };
        const credential = await credentials.create(vault_id, { auth });
        known.add(label, credential.id);
        return show(credential);
      }
      case 'archive':
        return show(await credentials.archive(known.id(op.label), { vault_id }));
      case 'retrieve':
        return show(await credentials.retrieve(known.id(op.label), { vault_id }));
      case 'delete':
        await credentials.delete(known.id(op.label), { vault_id });
        return 'deleted';
      case 'list': {
        const { data } = await credentials.list(vault_id, { include_archived: true, limit: 100 });
        return data.map(show).toSorted().join(' ');
      }
      case 'archive vault':
        await vaults.archive(vault_id);
        return 'archived';
      case 'delete vault':
        await vaults.delete(vault_id);
        return 'deleted';
    }
  }

  return {
    aim: (plan) => ('which' in plan ? { type: plan.type, label: known.labelOf(plan.which) } : plan),
    run: (op, label) => outcomeOf(() => call(op, label)),
  };
}

describe('whoever writes at once', () => {
  test('no two active environments have one name, and what is archived stays so', () =>
    assertLinearizable({ model: apart, plan: thingPlan, begin: async () => newPlace(), runs: 150 }));

  test('a vault has one active credential for one purpose, and takes them along', () =>
    assertLinearizable({ model: vaultModel, plan: vaultPlan, begin: newVault, runs: 150 }));
});
