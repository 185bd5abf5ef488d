import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RouteKey } from '../../src/protocol/routes.ts';
import { assertInOrder, described } from '../support/answer-checks.ts';
import type { DataWatch } from '../support/data-watch.ts';
import { watchData } from '../support/data-watch.ts';
import type { Known } from '../support/known-things.ts';
import { knownThings } from '../support/known-things.ts';
import type { RawClient } from '../support/raw-client.ts';
import { rawClient } from '../support/raw-client.ts';
import { newTenant } from '../support/server-admin.ts';
import type { Mutant, Mutants } from '../support/server-mutants.ts';
import { mutantsOf } from '../support/server-mutants.ts';
import { residentMiB } from '../support/server-processes.ts';
import { openSession, say } from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';
import { walk } from '../support/walk.ts';

const seed = Number(process.env['ANTHILL_TEST_SEED'] ?? 20_261_125);
/** After so many of them, what there is has been used up. */
const requestsPerRound = 500;
const roundsInTurn = 6;
const roundsAtOnce = 34;
const atOnce = 8;
const residentMiBMax = 700;

/** The rows of a table, and the lists that show them. */
const tables: Readonly<Record<string, RouteKey>> = {
  agents: 'beta.agents list',
  environments: 'beta.environments list',
  sessions: 'beta.sessions list',
  vaults: 'beta.vaults list',
  credentials: 'beta.vaults.credentials list',
  deployments: 'beta.deployments list',
  deployment_runs: 'beta.deploymentRuns list',
  memory_stores: 'beta.memoryStores list',
  memories: 'beta.memoryStores.memories list',
  memory_versions: 'beta.memoryStores.memoryVersions list',
  // Not the copies that sessions have.
  'files where session_id is null': 'files list',
  skills: 'skills list',
  skill_versions: 'skills.versions list',
  webhook_endpoints: 'beta.organization.webhooks list',
};

const env = { ANTHILL_LOG_LEVEL: 'warn' };

describeServer(
  { name: `twenty thousand requests that went wrong (seed ${seed})`, env },
  ({ home, server }) => {
    const statuses = new Map<number, number>();
    let client: RawClient;
    let watch: DataWatch;
    let theirs: Known;

    async function answered(mutant: Mutant): Promise<number | null> {
      try {
        const answer = await client.send(mutant);
        if (!answer) return null;
        assertInOrder(mutant, answer);
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        return answer.status;
      } catch (cause) {
        throw new Error(`seed ${seed}: ${described(mutant)}`, { cause });
      }
    }

    async function round(
      number: number,
      each: (requests: readonly Mutants[], known: Known) => Promise<void>,
    ) {
      const known = await knownThings(server.client);
      await each(mutantsOf(seed + number, requestsPerRound), known);
    }

    test('nothing is written by one that is refused or only reads', async () => {
      client = rawClient(server);
      watch = watchData(home);
      theirs = await knownThings((await newTenant(server)).admin);
      for (let number = 0; number < roundsInTurn; number++) {
        await round(number, async (requests, known) => {
          for (const request of requests) {
            const mutant = request(known, theirs);
            await watch.settled();
            const before = watch.version();
            const status = await answered(mutant);
            if (status === 200 && mutant.method !== 'GET') continue;
            await watch.settled();
            if (status === null) continue;
            assert.equal(watch.version(), before, `seed ${seed}: ${status}, written by ${described(mutant)}`);
          }
        });
      }
      assert.deepEqual(watch.complaints(), []);
    });

    test('each is answered by its schema or refused in the shape of an error, many at once', async () => {
      for (let number = roundsInTurn; number < roundsInTurn + roundsAtOnce; number++) {
        await round(number, async (requests, known) => {
          const rest = requests.values();
          const sender = async () => {
            for (const request of rest) await answered(request(known, theirs));
          };
          await Promise.all(Array.from({ length: atOnce }, sender));
        });
      }
      // Requests that never get past the door would prove little.
      const counts = `answers by status: ${JSON.stringify([...statuses])}`;
      assert.ok((statuses.get(200) ?? 0) > 4_000 && (statuses.get(400) ?? 0) > 4_000, counts);
      assert.ok(residentMiB(server.pid) < residentMiBMax, `${residentMiB(server.pid)} MiB`);
    });

    test('all that is there afterwards is whole, and can be listed and retrieved', async () => {
      await watch.settled();
      assert.deepEqual(watch.complaints(), []);
      const { workspaces } = server.client.organization;
      const counts = await walk(client);
      for await (const { id, name } of workspaces.list()) {
        if (name !== 'tenant') continue;
        const theirs = await walk(client, { 'anthropic-workspace-id': id });
        for (const [key, count] of theirs) counts.set(key, (counts.get(key) ?? 0) + count);
      }
      for (const [table, key] of Object.entries(tables)) {
        assert.deepEqual([key, counts.get(key)], [key, watch.count(table)]);
      }
    });

    test('the server lives', async () => {
      const fresh = await openSession(server.client);
      assert.notDeepEqual(await say(server.client, fresh.id, 'hello'), []);
      watch.close();
      client.close();
    });
  },
);
