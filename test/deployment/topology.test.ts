import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { Client } from 'pg';
import type { MessagesRequest } from '../../src/brain/models/scripted/messages-request.ts';
import { lastUserText, resultsOf, stepOf } from '../../src/brain/models/scripted/messages-request.ts';
import type { Part } from '../../src/brain/models/scripted/reply.ts';
import { defaultPort } from '../../src/main/config.ts';
import { composeServices, filledIn } from '../support/compose-file.ts';
import type { Machine, Network } from '../support/machines.ts';
import { startNetwork, wayToMachines } from '../support/machines.ts';
import type { ModelServer } from '../support/model-server.ts';
import { startModelServer } from '../support/model-server.ts';
import type { PostgresServer } from '../support/postgres.ts';
import { startPostgres } from '../support/postgres.ts';
import type { ServerHome, ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { createEnvironmentKey } from '../support/server-admin.ts';
import { eventually } from '../support/server-processes.ts';
import type { Session, StreamedEvent } from '../support/server-sessions.ts';
import { collect, isIdle, listAll, message, send, spoken, toolset } from '../support/server-sessions.ts';

/**
 * What deploy/docker-compose.yml describes, as processes in network namespaces: its commands, its variables, its names. There are
 * two of `api`, as in the Helm chart, and what is outside: the endpoint of the model, and a client.
 */
const plan = {
  known: {
    postgres: 'postgres',
    api1: 'api',
    api2: 'api',
    brain: 'brain',
    worker: 'worker',
    model: 'model',
    client: 'client',
  },
  links: [
    ['api1', 'postgres'],
    ['api2', 'postgres'],
    ['brain', 'postgres'],
    ['brain', 'model'],
    ['worker', 'api1'],
    ['worker', 'api2'],
    ['client', 'api1'],
    ['client', 'api2'],
  ],
} as const;
type Name = keyof typeof plan.known;

const listens = {
  postgres: 5432,
  model: 8080,
  api1: defaultPort,
  api2: defaultPort,
  brain: defaultPort,
} as const;
/** Of whoever starts it. */
const settings = {
  POSTGRES_PASSWORD: 'of-the-database',
  ANTHILL_MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
  ANTHILL_API_KEY: 'sk-ant-of-all-servers',
};
const services = composeServices();

/** Where the model stands still: in the middle of its first reply to the message that says so. */
const pausedAt = 4;
const commandIn = (request: MessagesRequest) => /run `(.+)`/.exec(lastUserText(request.messages))?.[1];

function answered(request: MessagesRequest): readonly Part[] {
  const command = commandIn(request);
  if (command === undefined) return [{ type: 'text', text: 'This is said from its beginning to its end.' }];
  if (stepOf(request.messages) === 0)
    return [
      { type: 'text', text: 'It will be run.' },
      { type: 'tool_use', name: 'bash', input: { command } },
    ];
  const [result] = resultsOf(request.messages);
  return [{ type: 'text', text: `It said ${result?.text.trim()}.` }];
}

const isPreview = ({ type }: { readonly type: string }) => type.startsWith('event_');
const isDone = (event: { readonly type: string }) =>
  isIdle(event) && JSON.stringify(event).includes('end_turn');
const pairOf = (...names: readonly string[]) => names.toSorted().join(' – ');
const idsOf = (events: readonly StreamedEvent[]) =>
  events.filter((event) => !isPreview(event)).map((event) => ('id' in event ? event.id : ''));

const way = wayToMachines();
if ('skip' in way) test('servers on machines of their own', { skip: way.skip }, () => {});
else
  describe('the servers of docker-compose.yml, each on a machine of its own', () => {
    let network: Network<Name>;
    let machines: Readonly<Record<Name, Machine>>;
    let postgres: Promise<PostgresServer> | undefined;
    let model: ModelServer | undefined;
    let worker: ChildProcess | undefined;
    let workerSaid = '';
    const workerDir = mkdtempSync(join(tmpdir(), 'anthill-worker-'));
    const homes: ServerHome[] = [];
    const servers: ServerProcess[] = [];
    const asked: MessagesRequest[] = [];
    let goOn = () => {};
    let one: Anthropic;
    let other: Anthropic;
    let api1: ServerProcess;
    let brain: ServerProcess;
    let session: Session;

    async function up(service: 'api' | 'brain', name: Name): Promise<ServerProcess> {
      const { command = [], environment = {} } = services[service] ?? {};
      const home = serverHome({}, machines[name].command);
      homes.push(home);
      const server = await home.start(
        {
          ...filledIn(environment, settings),
          ANTHILL_HOST: '0.0.0.0',
          // Shorter than there: nobody has to notice it here.
          ANTHILL_DRAIN_NOTICE_SECONDS: '1',
          // Told to all, as with docker compose. Only a brain has a way there.
          ANTHILL_UPSTREAM_BASE_URL: `http://model:${listens.model}`,
          ANTHILL_UPSTREAM_API_KEY: 'none',
        },
        ['--port', String(defaultPort), ...command.slice(1)],
      );
      servers.push(server);
      return server;
    }

    function startWorker(environmentId: string, key: string): ChildProcess {
      const { command = [], environment = {} } = services['worker'] ?? {};
      const variables = { ANTHROPIC_ENVIRONMENT_ID: environmentId, ANTHROPIC_ENVIRONMENT_KEY: key };
      const bin = join(import.meta.dirname, '../../bin/anthill.js');
      const [program = '', ...args] = [...machines.worker.command, process.execPath, bin, ...command];
      const child = spawn(program, args, {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: {
          HOME: workerDir,
          PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
          ANTHILL_WORKER_DATA: workerDir,
          ANTHILL_LOG_LEVEL: 'error',
          ...filledIn(environment, variables),
        },
      });
      child.stderr.on('data', (chunk) => {
        workerSaid += String(chunk);
      });
      return child;
    }

    async function startDatabase(): Promise<void> {
      const rules = join(workerDir, 'pg_hba.conf');
      writeFileSync(rules, 'local all all trust\nhost all all 0.0.0.0/0 scram-sha-256\n');
      const where = ['listen_addresses=*', `port=${listens.postgres}`, `hba_file=${rules}`];
      postgres = startPostgres(where, machines.postgres.command);
      const client = new Client(await (await postgres).newDatabase());
      await client.connect();
      await client.query('create database anthill');
      await client.query(`alter role anthill password '${settings.POSTGRES_PASSWORD}'`);
      await client.end();
    }

    async function startModel(): Promise<void> {
      const paused = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      const answers = {
        async answer(request: MessagesRequest) {
          asked.push(request);
          return answered(request);
        },
        async pace(request: MessagesRequest, event: number) {
          const isFirst = asked.filter((earlier) => askedAs(earlier) === askedAs(request)).length === 1;
          if (askedAs(request).includes('slowly') && isFirst && event === pausedAt) await paused;
        },
      };
      model = await startModelServer(answers, await machines.model.listening(listens.model));
    }

    const askedAs = ({ messages }: MessagesRequest) => lastUserText(messages);
    const clientOf = async (host: Name) =>
      new Anthropic({
        baseURL: await machines.client.wayTo({ host, port: defaultPort }),
        apiKey: settings.ANTHILL_API_KEY,
      });
    /** A path of the agent's, at the machine where its tools run. */
    const workplace = (name: string) => join(workerDir, 'sessions', session.id, 'workspace', name);

    before(async () => {
      if ('skip' in way) return;
      network = await startNetwork(plan, way);
      ({ machines } = network);
      await Promise.all([startDatabase(), startModel()]);
      [api1, , brain] = await Promise.all([up('api', 'api1'), up('api', 'api2'), up('brain', 'brain')]);
      [one, other] = await Promise.all([clientOf('api1'), clientOf('api2')]);
      const environment = await one.beta.environments.create({
        name: 'yard',
        config: { type: 'self_hosted' },
      });
      const { secret } = await createEnvironmentKey(one, environment.id);
      worker = startWorker(environment.id, secret);
      const agent = await one.beta.agents.create({ name: 'Ant', model: 'claude-opus-5-5', tools: [toolset] });
      session = await one.beta.sessions.create({ agent: agent.id, environment_id: environment.id });
    });
    after(async () => {
      goOn();
      if (worker && worker.exitCode === null && worker.signalCode === null) {
        worker.kill('SIGKILL');
        await once(worker, 'exit');
      }
      for (const home of homes) await home.remove();
      await model?.close();
      // It may have been on its way when something else failed.
      await postgres?.then(
        (server) => server.remove(),
        () => undefined,
      );
      await network?.close();
      rmSync(workerDir, { recursive: true });
    });

    test('machines reach those that a link leads to, and no others', () => {
      const places = Object.entries(listens).flatMap(([name, port]) =>
        machines[name as Name].addresses.map((host) => ({ name, host, port })),
      );
      const found = (Object.keys(plan.known) as Name[]).flatMap((from) => {
        const answers = machines[from].reached(places);
        return places.flatMap(({ name }, at) => (name !== from && answers[at] ? [pairOf(from, name)] : []));
      });
      const wanted = plan.links.map(([from, to]) => pairOf(from, to));
      assert.deepEqual([...new Set(found)].sort(), wanted.sort());
    });

    test('a brain is healthy, as docker compose asks', () => {
      const [kind, , ...args] = services['brain']?.healthcheck?.test ?? [];
      assert.equal(kind, 'CMD');
      const [program = '', ...before] = [...machines.brain.command, process.execPath];
      execFileSync(program, [...before, ...args]);
    });

    test('a session made at one api is streamed at the other, and works at the worker', async () => {
      const file = await one.files.upload({
        file: new File(['The queen lives in chamber 9.'], 'a.txt', { type: 'text/plain' }),
      });
      const document = { type: 'document', source: { type: 'file', file_id: file.id } } as const;
      const words = message('run `echo ants | tee made.txt`');
      const events = await collect(
        other,
        session.id,
        () => send(one, session.id, { ...words, content: [...words.content, document] }),
        isDone,
        { event_deltas: ['agent.message'] },
      );
      assert.match(spoken(events), /It will be run\.\nIt said ants\./);
      assert.ok(
        events.some(({ type }) => type === 'event_delta'),
        'with previews',
      );
      assert.deepEqual(
        idsOf(events),
        (await listAll(one, session.id)).map(({ id }) => id),
      );
      assert.match(JSON.stringify(asked[0]?.messages), /The queen lives in chamber 9\./);
      assert.equal((await other.files.retrieveMetadata(file.id)).size_bytes, 29);
      assert.ok(existsSync(workplace('made.txt')));
      for (const { dataDir } of homes) assert.ok(!existsSync(join(dataDir, 'sessions', session.id)));
    });

    test('kill -9 of the brain in the middle of a reply: another one says all of it', async () => {
      let started: Promise<ServerProcess> | undefined;
      const replace = async () => {
        await brain.kill();
        return await up('brain', 'brain');
      };
      const events = await collect(
        other,
        session.id,
        () => send(one, session.id, message('say it slowly')),
        (event) => {
          if (event.type === 'event_delta') started ??= replace();
          return isDone(event);
        },
        { event_deltas: ['agent.message'] },
      );
      assert.ok(started, 'it had begun to speak');
      brain = await started;
      assert.equal(spoken(events), 'This is said from its beginning to its end.');
      assert.equal(asked.filter((request) => askedAs(request) === 'say it slowly').length, 2);
      const listed = (await listAll(one, session.id)).map(({ id }) => id);
      assert.deepEqual(idsOf(events), listed.slice(-idsOf(events).length));
    });

    test('SIGTERM of an api in the middle of a tool: the stream goes on at the other, and the worker too', async () => {
      let stopped: Promise<number | null> | undefined;
      const seen: string[] = [];
      const stop = async () => {
        await eventually(() => existsSync(workplace('begun')), 'the tool has begun', 30_000);
        assert.ok(machines.worker.talksTo(machines.api1.addresses), 'the worker has to go elsewhere');
        return await api1.stop();
      };
      const command = 'touch begun; until [ -e go ]; do sleep 0.1; done; echo ended';
      const stream = await one.beta.sessions.events.stream(session.id);
      await send(other, session.id, message(`run \`${command}\``));
      for await (const event of stream) {
        seen.push(...idsOf([event]));
        if (event.type === 'agent.tool_use') stopped ??= stop();
      }
      assert.equal(await stopped, 0);
      await collect(other, session.id, async () => writeFileSync(workplace('go'), ''), isDone);
      const after = { 'last-event-id': seen.at(-1) ?? '' };
      const events = await collect(other, session.id, async () => {}, isDone, {}, after);
      assert.match(spoken(events), /It said ended\./);
      seen.push(...idsOf(events));
      const listed = (await listAll(other, session.id)).map(({ id }) => id);
      assert.deepEqual(seen, listed.slice(-seen.length));
      assert.equal(events.filter(({ type }) => type === 'user.tool_result').length, 1);
    });

    test('nothing of this was logged as an error', () => {
      assert.deepEqual(
        servers.flatMap((server) => server.errors()),
        [],
      );
      assert.equal(workerSaid, '');
    });
  });
