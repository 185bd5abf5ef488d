import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { sharedPostgres } from '../support/postgres.ts';
import type { ServerProcess } from '../support/server.ts';
import {
  collect,
  isIdle,
  listAll,
  message,
  openSession,
  say,
  send,
  spoken,
  toolset,
} from '../support/server-sessions.ts';
import type { Fleet } from '../support/servers.ts';
import { serverFleet } from '../support/servers.ts';

describe('servers with a part of the work each', () => {
  let fleet: Fleet;
  let api: ServerProcess;
  let thinking: ServerProcess;
  let working: ServerProcess;
  before(async () => {
    fleet = serverFleet(3, await (await sharedPostgres()).newDatabase());
    const [first, second, third] = await Promise.all(
      ['api', 'brain', 'brain,hands,scheduler'].map((roles, at) =>
        fleet.homes[at]?.start({ ...fleet.settings, ANTHILL_ROLES: roles }),
      ),
    );
    assert.ok(first && second && third);
    [api, thinking, working] = [first, second, third];
  });
  after(() => fleet.remove());

  test('one accepts and streams, with previews, what another runs', async () => {
    const session = await openSession(api.client);
    const events = await collect(
      api.client,
      session.id,
      () => send(api.client, session.id, message('run `echo ants`')),
      isIdle,
      { event_deltas: ['agent.message'] },
    );
    assert.match(JSON.stringify(events.find(({ type }) => type === 'agent.tool_result')), /ants/);
    assert.ok(events.some(({ type }) => type === 'event_delta'));
    const placeOf = (at: number) => join(fleet.homes[at]?.dataDir ?? '', 'sessions', session.id);
    assert.deepEqual(
      [0, 1, 2].map((at) => existsSync(placeOf(at))),
      [false, false, true],
    );
  });

  test('without hands a server drives sessions whose tools are at workers, and leaves the others', async () => {
    assert.equal(await working.stop(), 0);
    const cloud = await openSession(api.client);
    await send(api.client, cloud.id, message('say hi'));
    const environment = await api.client.beta.environments.create({
      name: 'yard',
      config: { type: 'self_hosted' },
    });
    const agent = await api.client.beta.agents.create({
      name: 'Ant',
      model: 'scripted/demo',
      tools: [toolset],
    });
    const session = await api.client.beta.sessions.create({
      agent: agent.id,
      environment_id: environment.id,
    });
    const events = await say(api.client, session.id, 'remember that the queen lives in chamber nine');
    assert.match(spoken(events), /chamber nine/);
    const waiting = await listAll(api.client, cloud.id);
    assert.ok(!waiting.some(({ type }) => type === 'span.model_request_start'), 'nobody has hands for it');
    const rested = collect(api.client, cloud.id, async () => {
      working = (await fleet.homes[2]?.start({ ...fleet.settings, ANTHILL_ROLES: 'brain,hands' })) ?? working;
    });
    assert.match(spoken(await rested), /./);
  });

  test('all say how they are, and those without the API that they have none', async () => {
    for (const { baseUrl, apiKey } of [api, thinking, working]) {
      const get = (path: string) => fetch(`${baseUrl}${path}`, { headers: { 'x-api-key': apiKey } });
      assert.deepEqual(await (await get('/health')).json(), { status: 'ok' });
      assert.match(await (await get('/metrics')).text(), /anthill_sessions/);
      assert.equal((await fetch(`${baseUrl}/metrics`)).status, 401);
    }
    await assert.rejects(thinking.client.beta.agents.list(), /does not answer the API/);
    assert.match(working.output(), /Anthill is ready: brain, hands; health and metrics at http/);
  });

  test('a part of the work is refused where nobody would do the rest', async () => {
    const { code, stderr } =
      (await fleet.homes[0]?.refusedStart({ DATABASE_URL: '' }, ['--roles', 'api', '--port', '0'])) ?? {};
    assert.equal(code, 2);
    assert.match(stderr ?? '', /nobody would be brain, hands, scheduler; leave out --roles/);
  });

  test('nothing of this was logged as an error', () => {
    assert.deepEqual(
      [api, thinking, working].flatMap((server) => server.errors()),
      [],
    );
  });
});
