import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type Anthropic from '@anthropic-ai/sdk';
import { createDeployment } from '../../src/domain/deployments.ts';
import { scheduledDeploymentsMax } from '../../src/domain/limits.ts';
import { openStore } from '../../src/store/open.ts';
import { fakeClock } from '../support/clock.ts';
import { bad } from '../support/sdk-calls.ts';
import { serverHome } from '../support/server.ts';
import type { DeploymentParams } from '../support/server-deployments.ts';
import { everyMorning, nineOClock } from '../support/server-deployments.ts';
import type { Session } from '../support/server-sessions.ts';
import { message, openSession } from '../support/server-sessions.ts';

/** Deployments with a schedule in another workspace, written before the server starts. */
async function fill(dataDir: string, count: number): Promise<void> {
  const clock = fakeClock();
  const store = await openStore({ dataDir, clock, afterCommit() {} });
  const { deployments } = store.workspace('wrkspc_elsewhere').collections;
  const params = {
    name: 'Round',
    agent: 'agent_1',
    environment_id: 'env_1',
    initial_events: [message('hello')],
    schedule: nineOClock,
  };
  const agent = { id: 'agent_1', type: 'agent', version: 1 } as const;
  const insert = (_: unknown, index: number) =>
    deployments.insert(createDeployment(params, { id: `depl_${index}`, agent }, clock.nowUs()), () => {});
  await Promise.all(Array.from({ length: count }, insert));
  await store.close();
}

describe('a thousand deployments with a schedule', () => {
  const home = serverHome();
  let client: Anthropic;
  let session: Session;
  before(async () => {
    await fill(home.dataDir, scheduledDeploymentsMax - 2);
    ({ client } = await home.start());
    session = await openSession(client);
  });
  after(() => home.remove());

  const create = (changes: Partial<DeploymentParams> = {}) =>
    client.beta.deployments.create(everyMorning(session, changes));

  test('are the most there can be in all workspaces, paused ones included and archived ones not', async () => {
    const { deployments } = client.beta;
    const [first, second] = [await create(), await create()];
    await deployments.pause(first.id);
    const refused = bad('schedule: at most 1000 deployments can have a schedule');
    await assert.rejects(create(), refused);
    const manual = await create({ schedule: null });
    await assert.rejects(deployments.update(manual.id, { schedule: nineOClock }), refused);
    await deployments.update(first.id, { schedule: { ...nineOClock, timezone: 'UTC' }, name: 'Changed' });
    await deployments.archive(second.id);
    await deployments.update(manual.id, { schedule: nineOClock });
    await assert.rejects(create(), refused);
    await deployments.update(first.id, { schedule: null });
    const last = await Promise.allSettled([create(), create(), create()]);
    assert.deepEqual(last.map(({ status }) => status).sort(), ['fulfilled', 'rejected', 'rejected']);
  });
});
