import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatUs } from '../../src/base/timestamp.ts';
import type { StoredKey } from '../../src/domain/api-keys.ts';
import { updateKey } from '../../src/domain/api-keys.ts';
import { createEnvironmentKey, revokeEnvironmentKey } from '../../src/domain/environment-keys.ts';
import type { ApiKeyQuery } from '../../src/domain/organization.ts';
import type { SecretPlace } from '../../src/domain/sealing.ts';
import { hourUs } from '../../src/domain/usage.ts';
import type { StoredEndpoint } from '../../src/domain/webhook-endpoints.ts';
import { createEndpoint } from '../../src/domain/webhook-endpoints.ts';
import { archiveWorkspace, createWorkspace } from '../../src/domain/workspaces.ts';
import type { MakeStore, Subject } from './subject.ts';
import { answer, assertPages, environment, goOn, openSubject, refusal } from './subject.ts';

const atUs = 1_790_000_000_000_000;
const admit = () => {};
const never = () => {
  throw new Error('not to be called');
};

function key(id: string, changes: Partial<StoredKey> = {}): StoredKey {
  return {
    id,
    workspaceId: 'wrkspc_1',
    isAdmin: false,
    name: id,
    status: 'active',
    hint: null,
    createdAtUs: atUs,
    expiresAtUs: null,
    ...changes,
  };
}

/** A store with the workspaces `wrkspc_1` and `wrkspc_2`. */
async function open(make: MakeStore) {
  const it = await openSubject(make);
  const { workspaces, apiKeys, access, usage } = it.organization;
  for (const id of ['wrkspc_1', 'wrkspc_2'])
    await workspaces.insert(createWorkspace({ name: id }, id, atUs), admit);
  return { ...it, workspaces, apiKeys, access, usage };
}

/** What every implementation of the organization's collections keeps to. */
export function organizationContract(make: MakeStore): void {
  describe('API keys', () => keysContract(make));
  describe('workspaces', () => workspacesContract(make));
  describe('environment keys', () => environmentKeysContract(make));
  describe('webhook endpoints', () => endpointsContract(make));
  describe('usage', () => usageContract(make));
}

function keysContract(make: MakeStore): void {
  test('a secret that is known is not inserted again', async () => {
    await using it = await open(make);
    await Promise.all([
      it.apiKeys.insert(key('apikey_1'), 'hash 1', admit),
      it.apiKeys.insert(key('apikey_2'), 'hash 1', admit),
      it.apiKeys.insert(key('apikey_3'), 'hash 3', admit),
    ]);
    const found = (id: string) => ({ key: key(id), isWorkspaceArchived: false });
    assert.deepEqual(await it.access.apiKey('hash 1'), found('apikey_1'));
    assert.deepEqual(await it.access.apiKey('hash 3'), found('apikey_3'));
    assert.equal(await it.access.apiKey('hash 2'), null);
    assert.equal(await it.apiKeys.get('apikey_2'), null);
  });

  test('the check is shown the workspace and how many keys are kept, and may refuse', async () => {
    await using it = await open(make);
    await it.apiKeys.insert(key('apikey_1', { status: 'archived' }), 'hash 1', admit);
    await it.apiKeys.insert(key('apikey_2', { status: 'inactive' }), 'hash 2', admit);
    const seen: unknown[] = [];
    const look = (...given: unknown[]) => {
      seen.push(given);
      throw new Error('no');
    };
    await assert.rejects(it.apiKeys.insert(key('apikey_3'), 'hash 3', look), /no/);
    await assert.rejects(
      it.apiKeys.insert(key('apikey_3', { workspaceId: 'wrkspc_0' }), 'hash 3', look),
      /no/,
    );
    assert.deepEqual(seen, [
      [await it.workspaces.get('wrkspc_1'), 1],
      [null, 1],
    ]);
    assert.equal(await it.access.apiKey('hash 3'), null);
  });

  test('a change is seen at once, by who asks for the secret too', async () => {
    await using it = await open(make);
    await it.apiKeys.insert(key('apikey_1'), 'hash 1', admit);
    const changed = key('apikey_1', {
      name: 'new',
      status: 'inactive',
      hint: 'a...b',
      expiresAtUs: atUs + 1,
    });
    assert.deepEqual(await it.apiKeys.change('apikey_1', atUs, () => changed), changed);
    assert.deepEqual(await it.apiKeys.get('apikey_1'), changed);
    assert.deepEqual((await it.access.apiKey('hash 1'))?.key, changed);
    assert.equal(await it.apiKeys.change('apikey_0', atUs, never), null);
    await assert.rejects(it.apiKeys.change('apikey_1', atUs, never), /not to be called/);
    assert.deepEqual(await it.apiKeys.get('apikey_1'), changed);
  });

  test('of the last admins that are disabled at once, one stays', async () => {
    await using it = await open(make);
    const ids = ['apikey_1', 'apikey_2', 'apikey_3'];
    for (const id of ids) await it.apiKeys.insert(key(id, { isAdmin: true }), `hash ${id}`, admit);
    const others = [
      key('apikey_4'),
      key('apikey_5', { isAdmin: true, status: 'inactive' }),
      key('apikey_6', { isAdmin: true, status: 'archived' }),
      key('apikey_7', { isAdmin: true, expiresAtUs: atUs }),
    ];
    for (const other of others) await it.apiKeys.insert(other, `hash ${other.id}`, admit);
    const disable = (id: string) =>
      it.apiKeys.change(id, atUs, (current, otherAdmins) =>
        updateKey(current, { status: 'inactive' }, { nowUs: atUs, otherAdmins }),
      );
    const outcomes = await Promise.allSettled(ids.map(disable));
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    assert.equal(refused.length, 1);
    for (const { reason } of refused) refusal('invalid_request', 'last_admin_key')(reason);
    const left = await Promise.all(ids.map((id) => it.apiKeys.get(id)));
    assert.equal(left.filter((one) => one?.status === 'active').length, 1);
  });

  test('are listed by time, then id, by status and workspace', async () => {
    await using it = await open(make);
    const items = [
      key('apikey_1', { isAdmin: true }),
      key('apikey_2', { status: 'inactive' }),
      key('apikey_3', { expiresAtUs: atUs + 10, createdAtUs: atUs + 1 }),
      key('apikey_4', { expiresAtUs: atUs, createdAtUs: atUs + 1 }),
      key('apikey_5', { status: 'archived', expiresAtUs: atUs, createdAtUs: atUs + 2 }),
      key('apikey_6', { status: 'inactive', expiresAtUs: atUs, createdAtUs: atUs + 2 }),
      key('apikey_7', { workspaceId: 'wrkspc_2', createdAtUs: atUs + 3 }),
    ];
    for (const item of items.toReversed()) await it.apiKeys.insert(item, `hash ${item.id}`, admit);
    const shown = async (query: Pick<ApiKeyQuery, 'status' | 'workspaceId'>, ...ids: number[]) => {
      const expected = ids.map((id) => items[id - 1]);
      await assertPages((page) => it.apiKeys.page({ ...page, ...query, nowUs: atUs }), expected);
    };
    await shown({ status: null, workspaceId: null }, 1, 2, 3, 4, 5, 6, 7);
    await shown({ status: 'active', workspaceId: null }, 1, 3, 7);
    await shown({ status: 'inactive', workspaceId: null }, 2);
    await shown({ status: 'expired', workspaceId: null }, 4, 6);
    await shown({ status: 'archived', workspaceId: null }, 5);
    await shown({ status: null, workspaceId: 'wrkspc_2' }, 7);
    await shown({ status: 'active', workspaceId: 'wrkspc_1' }, 3);
  });
}

function workspacesContract(make: MakeStore): void {
  test('one that is known is not inserted again, and the check hears how many are in use', async () => {
    await using it = await open(make);
    const first = await it.workspaces.get('wrkspc_1');
    await it.workspaces.insert(createWorkspace({ name: 'other' }, 'wrkspc_1', atUs + 5), never);
    assert.deepEqual(await it.workspaces.get('wrkspc_1'), first);
    await it.workspaces.change('wrkspc_2', (current) => ({ ...current, archived_at: formatUs(atUs) }));
    const seen: number[] = [];
    await it.workspaces.insert(createWorkspace({ name: 'c' }, 'wrkspc_3', atUs), (active) => {
      seen.push(active);
    });
    assert.deepEqual(seen, [1]);
    assert.equal(await it.workspaces.get('wrkspc_0'), null);
    assert.equal(await it.workspaces.change('wrkspc_0', never), null);
    assert.equal(await it.workspaces.archive('wrkspc_0', never), null);
  });

  test('archiving takes its own keys along, and not those of the organization', async () => {
    await using it = await open(make);
    await it.apiKeys.insert(key('apikey_1', { workspaceId: 'wrkspc_2' }), 'hash 1', admit);
    await it.apiKeys.insert(key('apikey_2', { workspaceId: 'wrkspc_2', isAdmin: true }), 'hash 2', admit);
    await it.apiKeys.insert(key('apikey_3'), 'hash 3', admit);
    const rule = (current: Parameters<typeof archiveWorkspace>[0]) =>
      archiveWorkspace(current, 'wrkspc_1', atUs + 1);
    const archived = await it.workspaces.archive('wrkspc_2', rule);
    assert.deepEqual(await it.workspaces.get('wrkspc_2'), archived);
    assert.equal(archived?.archived_at, formatUs(atUs + 1));
    const statuses = ['apikey_1', 'apikey_2', 'apikey_3'].map(
      async (id) => (await it.apiKeys.get(id))?.status,
    );
    assert.deepEqual(await Promise.all(statuses), ['archived', 'active', 'active']);
    assert.equal((await it.access.apiKey('hash 1'))?.isWorkspaceArchived, true);
    assert.equal((await it.access.apiKey('hash 3'))?.isWorkspaceArchived, false);
    const states = ['wrkspc_1', 'wrkspc_2', 'wrkspc_0'].map((id) => it.access.workspace(id));
    assert.deepEqual(await Promise.all(states), [{ isArchived: false }, { isArchived: true }, null]);
    await assert.rejects(it.workspaces.archive('wrkspc_1', rule), refusal('invalid_request'));
    assert.equal((await it.apiKeys.get('apikey_3'))?.status, 'active');
  });

  test('are listed by time, then id, with or without the archived, some, and the default one', async () => {
    await using it = await open(make);
    const third = createWorkspace({ name: 'third' }, 'wrkspc_3', atUs + 1);
    await it.workspaces.insert({ ...third, archived_at: formatUs(atUs) }, admit);
    const shown = async (query: { ids?: string[]; except?: string; archived?: true }, ...ids: string[]) => {
      const expected = await Promise.all(ids.map((id) => it.workspaces.get(id)));
      const { ids: only = null, except = null, archived = false } = query;
      await assertPages(
        (page) => it.workspaces.page({ ...page, ids: only, except, includeArchived: archived }),
        expected,
      );
    };
    await shown({}, 'wrkspc_1', 'wrkspc_2');
    await shown({ archived: true }, 'wrkspc_1', 'wrkspc_2', 'wrkspc_3');
    await shown({ except: 'wrkspc_1' }, 'wrkspc_2');
    await shown({ ids: ['wrkspc_3', 'wrkspc_1', 'wrkspc_0'], archived: true }, 'wrkspc_1', 'wrkspc_3');
    await shown({ ids: [] });
  });
}

function environmentKeysContract(make: MakeStore): void {
  const birth = (id: string, environmentId = 'env_1') =>
    createEnvironmentKey({ name: id }, { id, environmentId, secret: 's'.repeat(40), nowUs: atUs });

  test('are found by secret with their workspace, until revoked, and go with their environment', async () => {
    await using it = await open(make);
    const { environmentKeys, environments } = it.collections;
    assert.equal(await environmentKeys.insert(birth('envkey_1'), 'hash 1', admit), true);
    assert.equal(await environmentKeys.insert(birth('envkey_2', 'env_0'), 'hash 2', never), false);
    assert.deepEqual(await it.access.environmentKey('hash 1'), {
      key: birth('envkey_1'),
      workspaceId: 'wrkspc_1',
      isWorkspaceArchived: false,
    });
    const revoked = await environmentKeys.change('env_1', 'envkey_1', (current) =>
      revokeEnvironmentKey(current, atUs + 1),
    );
    assert.deepEqual((await it.access.environmentKey('hash 1'))?.key, revoked);
    assert.equal(await it.access.environmentKey('hash 2'), null);
    assert.equal(await environments.remove('env_1', admit), true);
    assert.equal(await it.access.environmentKey('hash 1'), null);
  });

  test('are found below their environment only', async () => {
    await using it = await open(make);
    const { environmentKeys, environments } = it.collections;
    await environments.insert(environment({ id: 'env_2', name: 'other' }));
    await environmentKeys.insert(birth('envkey_1'), 'hash 1', admit);
    assert.equal(await environmentKeys.get('env_2', 'envkey_1'), null);
    assert.equal(await environmentKeys.change('env_2', 'envkey_1', never), null);
    assert.deepEqual(await environmentKeys.get('env_1', 'envkey_1'), birth('envkey_1'));
  });

  test('are listed with or without the revoked, and the check hears how many are not', async () => {
    await using it = await open(make);
    const { environmentKeys } = it.collections;
    const items = [birth('envkey_1'), revokeEnvironmentKey(birth('envkey_2'), atUs), birth('envkey_3')];
    const seen: number[] = [];
    for (const item of items)
      await environmentKeys.insert(item, `hash ${item.id}`, (_, active) => {
        seen.push(active);
      });
    assert.deepEqual(seen, [0, 1, 1]);
    await assertPages((query) => environmentKeys.page('env_1', { ...query, includeRevoked: true }), items);
    const left = items.filter((item) => item.revoked_at === null);
    await assertPages((query) => environmentKeys.page('env_1', { ...query, includeRevoked: false }), left);
  });
}

function endpointsContract(make: MakeStore): void {
  const stored = (id: string): StoredEndpoint => ({
    endpoint: createEndpoint({ url: 'https://example.com', enabled_events: ['agent.created'] }, id, {
      nowUs: atUs,
      policy: 'public',
    }),
    sealed: `secret of ${id}`,
  });

  test('a change is given the sealed secret and replaces it; the same object writes nothing', async () => {
    await using it = await open(make);
    const { webhookEndpoints } = it.collections;
    await webhookEndpoints.insert(stored('whep_1'), admit);
    const seen: string[] = [];
    const replace = (sealed: string) =>
      webhookEndpoints.change('whep_1', (current) => {
        seen.push(current.sealed);
        return { ...current, sealed };
      });
    await replace('second');
    await webhookEndpoints.change('whep_1', (current) =>
      Object.assign(current, { sealed: 'not a new object' }),
    );
    await replace('third');
    assert.deepEqual(seen, ['secret of whep_1', 'second']);
    assert.deepEqual(await webhookEndpoints.get('whep_1'), stored('whep_1').endpoint);
    assert.equal(await webhookEndpoints.change('whep_0', never), null);
    assert.equal(await webhookEndpoints.remove('whep_0'), false);
    assert.equal(await webhookEndpoints.remove('whep_1'), true);
    assert.equal(await webhookEndpoints.get('whep_1'), null);
  });

  test('are sealed anew when the master key changes, in every workspace', async () => {
    await using it = await open(make);
    await it.collections.webhookEndpoints.insert(stored('whep_1'), admit);
    await it.workspace('wrkspc_2').collections.webhookEndpoints.insert(stored('whep_2'), admit);
    const seen: unknown[] = [];
    const reseal = (sealed: string, place: SecretPlace) => {
      seen.push([sealed, place]);
      return `new ${sealed}`;
    };
    assert.equal(await it.sealed.rewrite(reseal, 'mark'), 2);
    await it.sealed.rewrite(reseal, 'mark');
    const place = (id: string) => ({ webhookEndpointId: id, field: 'signing_secret' });
    assert.deepEqual(seen, [
      ['secret of whep_1', place('whep_1')],
      ['secret of whep_2', place('whep_2')],
      ['new secret of whep_1', place('whep_1')],
      ['new secret of whep_2', place('whep_2')],
    ]);
  });

  test('are counted for the check, which may refuse, and listed', async () => {
    await using it = await open(make);
    const { webhookEndpoints } = it.collections;
    const seen: number[] = [];
    const items = ['whep_1', 'whep_2', 'whep_3'].map(stored);
    for (const item of items)
      await webhookEndpoints.insert(item, (count) => {
        seen.push(count);
      });
    assert.deepEqual(seen, [0, 1, 2]);
    await assert.rejects(webhookEndpoints.insert(stored('whep_4'), never), /not to be called/);
    await assertPages(
      (query) => webhookEndpoints.page(query),
      items.map(({ endpoint }) => endpoint),
    );
  });
}

const everything = {
  fromUs: 0,
  untilUs: 2 * atUs,
  widthUs: 24 * hourUs,
  byWorkspace: false,
  byModel: false,
  workspaceIds: null,
  models: null,
} as const;

/** One turn of a session: a message, a second of work, a reply. */
async function turn(it: Subject, id: string): Promise<void> {
  await it.send(id, 'hello');
  await it.decide(id, goOn);
  it.clock.advance(1_000);
  await it.decide(id, (draft) => answer(draft));
}

function usageContract(make: MakeStore): void {
  test('adds up to what the sessions show, deleted ones too', async () => {
    await using it = await open(make);
    for (const id of ['sesn_1', 'sesn_2']) {
      await it.create({ id });
      for (let count = 0; count < 3; count++) await turn(it, id);
    }
    const states = await Promise.all(['sesn_1', 'sesn_2'].map((id) => it.log.state(id)));
    const sum = (of: (state: NonNullable<(typeof states)[number]>) => number) =>
      states.reduce((total, state) => total + (state ? of(state) : 0), 0);
    await it.log.remove('sesn_2', () => ({ entries: [], result: null }));
    const [total, ...more] = await it.usage.sum(everything);
    assert.equal(more.length, 0);
    assert.equal(total?.requests, 6);
    assert.equal(
      total?.inputTokens,
      sum(({ usage }) => usage.inputTokens),
    );
    assert.equal(
      total?.outputTokens,
      sum(({ usage }) => usage.outputTokens),
    );
    assert.equal(
      total?.cacheReadInputTokens,
      sum(({ usage }) => usage.cacheReadInputTokens),
    );
    assert.equal(
      total?.cacheCreation5mInputTokens,
      sum(({ usage }) => usage.cacheCreation5mInputTokens),
    );
    assert.equal(
      total?.cacheCreation1hInputTokens,
      sum(({ usage }) => usage.cacheCreation1hInputTokens),
    );
    assert.equal(
      total?.costMicroCents,
      sum(({ usage }) => usage.costMicroCents),
    );
    assert.equal(
      total?.activeUs,
      sum(({ activity }) => activity.activeUs),
    );
    assert.ok(total.activeUs >= 6_000_000 && total.inputTokens > 0);
  });

  test('a commit that fails adds nothing', async () => {
    await using it = await open(make);
    await it.create();
    await it.send('sesn_1', 'hello');
    await it.decide('sesn_1', goOn);
    const refuse = it.decide('sesn_1', (draft) => {
      answer(draft);
      throw new Error('no');
    });
    await assert.rejects(refuse, /no/);
    assert.deepEqual(await it.usage.sum(everything), []);
  });

  test('is kept apart by hour, workspace and model', async () => {
    await using it = await open(make);
    const other = it.workspace('wrkspc_2');
    await it.create();
    await turn(it, 'sesn_1');
    it.clock.advance(3_600_000);
    await turn(it, 'sesn_1');
    const sums = async (query: Partial<typeof everything> | object) =>
      (await it.usage.sum({ ...everything, ...query })).map((row) => [
        row.workspaceId,
        row.model,
        row.requests,
      ]);
    const agentModel = (await it.log.state('sesn_1'))?.agent.model.id;
    assert.deepEqual(await sums({}), [[null, null, 2]]);
    assert.deepEqual(await sums({ widthUs: hourUs }), [
      [null, null, 1],
      [null, null, 1],
    ]);
    assert.deepEqual(await sums({ byWorkspace: true }), [['wrkspc_1', null, 2]]);
    const byModel = await sums({ byModel: true });
    // Tokens stand under the model that served them, time under the one of the agent.
    assert.deepEqual(
      byModel.toSorted(),
      [...new Set([agentModel, 'scripted/test'])]
        .map((model) => [null, model, model === 'scripted/test' ? 2 : 0])
        .toSorted(),
    );
    assert.deepEqual(await sums({ workspaceIds: ['wrkspc_2'] }), []);
    assert.deepEqual(await sums({ workspaceIds: ['wrkspc_2', 'wrkspc_1'] }), [[null, null, 2]]);
    assert.deepEqual(await sums({ models: ['none'] }), []);
    assert.deepEqual(await sums({ models: ['scripted/test'] }), [[null, null, 2]]);
    const [first] = await it.usage.sum({ ...everything, widthUs: hourUs });
    assert.ok(first && first.bucketUs % hourUs === 0);
    assert.deepEqual(await sums({ fromUs: first.bucketUs, untilUs: first.bucketUs }), []);
    assert.deepEqual(await sums({ untilUs: first.bucketUs + hourUs }), [[null, null, 1]]);
    assert.equal(await other.log.state('sesn_1'), null);
  });
}
