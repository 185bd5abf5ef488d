import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bad } from '../support/sdk-calls.ts';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import type { Tenant, UsagePage } from '../support/server-admin.ts';
import { newTenant, usageReport } from '../support/server-admin.ts';
import type { Session } from '../support/server-sessions.ts';
import { atRest, openSession, say } from '../support/server-sessions.ts';

const scenarios = {
  priced: `
rules:
  - reply: [{ text: 'Yes.' }]
    usage: { input_tokens: 100, output_tokens: 20, cache_read_input_tokens: 7 }
`,
};
const home = serverHome(scenarios);
let server: ServerProcess;
let tenants: readonly Tenant[];
const sessions: Session[] = [];
const today = new Date().toISOString().slice(0, 10);
const dayMs = 86_400_000;
const at = (days: number) => new Date(Date.parse(today) + days * dayMs).toISOString();

before(async () => {
  server = await home.start();
  tenants = [await newTenant(server, 'a'), await newTenant(server, 'b')];
  for (const [index, { client }] of tenants.entries()) {
    for (const model of ['scripted/demo', 'scripted/priced']) {
      const session = await openSession(client, { model });
      for (let turn = 0; turn <= index; turn++) await say(client, session.id, 'hello');
      sessions.push(await atRest(client, session.id));
    }
  }
});
after(() => home.remove());

const report = (query: object = {}) => usageReport(server.client, { starting_at: at(0), ...query });
const rows = ({ data }: UsagePage) => data.flatMap(({ results }) => results);
const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

describe('the report of usage', () => {
  test('adds up to what the sessions show', async () => {
    const [total, ...more] = rows(await report());
    assert.ok(total && more.length === 0);
    const usages = sessions.map(({ usage }) => usage);
    assert.equal(total.uncached_input_tokens, sum(usages.map((usage) => usage.input_tokens ?? 0)));
    assert.equal(total.output_tokens, sum(usages.map((usage) => usage.output_tokens ?? 0)));
    assert.equal(
      total.cache_read_input_tokens,
      sum(usages.map((usage) => usage.cache_read_input_tokens ?? 0)),
    );
    for (const kind of ['ephemeral_5m_input_tokens', 'ephemeral_1h_input_tokens'] as const)
      assert.equal(total.cache_creation[kind], sum(usages.map((usage) => usage.cache_creation?.[kind] ?? 0)));
    const active = sum(sessions.map(({ stats }) => stats.active_seconds ?? 0));
    assert.ok(Math.abs(total.active_seconds - active) < 0.01, `${total.active_seconds} ${active}`);
    // 0.08 dollars an hour: scripted models cost nothing else.
    assert.ok(Math.abs(Number(total.list_cost.amount) - (total.active_seconds * 8) / 3600) < 0.0001);
    assert.equal(total.list_cost.currency, 'USD');
    assert.deepEqual([total.workspace_id, total.model], [null, null]);
  });

  test('is broken down by workspace and model, and filtered by both', async () => {
    const [a, b] = tenants.map(({ workspaceId }) => workspaceId);
    const whole = rows(await report())[0];
    const parts = rows(await report({ group_by: ['workspace_id', 'model'] }));
    const found = parts.map(
      ({ workspace_id, model, requests }) => `${workspace_id} ${model} ${requests > 0}`,
    );
    const expected = [a, b].flatMap((id) => [`${id} scripted/demo true`, `${id} scripted/priced true`]);
    assert.deepEqual(found.toSorted(), expected.toSorted());
    for (const count of ['requests', 'output_tokens', 'uncached_input_tokens', 'unpriced_requests'] as const)
      assert.equal(sum(parts.map((part) => part[count])), whole?.[count]);
    const byModel = rows(await report({ group_by: ['model'], models: ['scripted/priced'] }));
    assert.deepEqual(
      byModel.map(({ model, workspace_id, requests }) => [model, workspace_id, requests]),
      [['scripted/priced', null, 3]],
    );
    assert.equal(byModel[0]?.uncached_input_tokens, 300);
    const there = rows(await report({ workspace_ids: [b], models: ['scripted/priced', 'none'] }));
    assert.deepEqual(
      there.map(({ requests, workspace_id }) => [requests, workspace_id]),
      [[2, null]],
    );
    assert.deepEqual(rows(await report({ workspace_ids: ['wrkspc_none'] })), []);
  });

  test('has a bucket for every day or hour, empty ones too, page after page', async () => {
    const days = await report({ starting_at: at(-10), ending_at: at(1), limit: 4 });
    const starts: string[] = days.data.map(({ starting_at }) => starting_at);
    let page = days;
    while (page.next_page !== null) {
      assert.equal(page.has_more, true);
      page = await report({ starting_at: at(-10), ending_at: at(1), limit: 4, page: page.next_page });
      starts.push(...page.data.map(({ starting_at }) => starting_at));
    }
    assert.equal(page.has_more, false);
    const expected = Array.from({ length: 11 }, (_, index) => at(index - 10));
    assert.deepEqual(
      starts.map((start) => new Date(start).toISOString()),
      expected,
    );
    assert.equal(page.data.at(-1)?.results.length, 1);
    assert.equal((await report({ starting_at: at(-10) })).data.length, 7);
    const hours = await report({ ending_at: at(1), bucket_width: '1h', limit: 168 });
    assert.equal(hours.data.length, 24);
    assert.equal(rows(hours).length > 0, true);
    assert.equal(sum(rows(hours).map(({ requests }) => requests)), rows(await report())[0]?.requests);
    const [first] = hours.data;
    assert.equal(Date.parse(first?.ending_at ?? '') - Date.parse(first?.starting_at ?? ''), 3_600_000);
  });

  test('takes whole buckets, in any time zone', async () => {
    const noon = `${today}T12:34:56+02:00`;
    const { data } = await report({ starting_at: noon, ending_at: `${today}T23:00:00Z` });
    assert.deepEqual(
      data.map(({ starting_at }) => new Date(starting_at).toISOString()),
      [at(0)],
    );
  });

  const wrong: readonly (readonly [string, object, ReturnType<typeof bad>])[] = [
    ['no beginning', { starting_at: undefined }, bad('starting_at is required')],
    ['a beginning that is none', { starting_at: 'yesterday' }, bad(/^starting_at: /)],
    ['an end before the beginning', { ending_at: at(-1) }, bad('ending_at: must be after starting_at')],
    ['a beginning in the future', { starting_at: at(2) }, bad('ending_at: must be after starting_at')],
    [
      'a width that is not kept',
      { bucket_width: '1m' },
      bad(/bucket_width: "1m" is not a valid value; expected one of 1d, 1h/),
    ],
    [
      'what is not known',
      { group_by: ['api_key_id'] },
      bad(/"api_key_id" is not a valid value; expected one of workspace_id, model/),
    ],
    ['too many days', { limit: 32 }, bad('limit must be between 1 and 31')],
    ['too many hours', { limit: 169, bucket_width: '1h' }, bad('limit must be between 1 and 168')],
    ['no bucket', { limit: 0 }, bad('limit must be between 1 and 168')],
    ['a filter nobody knows', { api_key_ids: ['x'] }, bad(/^unknown query parameter "api_key_ids/)],
    ['a cursor that is none', { page: 'x' }, bad(/^page: /)],
  ];
  for (const [name, query, refusal] of wrong) {
    test(`refuses ${name}`, async () => {
      await assert.rejects(report(query), refusal);
    });
  }

  test('refuses a cursor of another range or width', async () => {
    const { next_page: page } = await report({ starting_at: at(-10), ending_at: at(0), limit: 5 });
    await assert.rejects(report({ page }), bad(/another range or bucket_width/));
    await assert.rejects(report({ starting_at: at(-10), bucket_width: '1h', page }), bad(/another range/));
  });

  test('outlives the sessions and the server', async () => {
    const before = rows(await report());
    const [tenant] = tenants;
    await tenant?.client.beta.sessions.delete(sessions[0]?.id ?? '');
    assert.deepEqual(rows(await report()), before);
    await server.stop();
    server = await home.start();
    assert.deepEqual(rows(await report()), before);
  });
});
