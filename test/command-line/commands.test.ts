import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Place, ServerProcess } from '../support/command-line.ts';
import { createPlace, startServerProcess } from '../support/command-line.ts';

let place: Place;
let server: ServerProcess;
before(async () => {
  place = createPlace();
  server = await startServerProcess(place);
});
after(async () => {
  await server.stop();
  place.remove();
});

/** What a first user types, one shell after the other. */
const env: Record<string, string> = {};
async function typed(script: string) {
  const { code, stdout, stderr } = await place.shell(script, { ANTHILL_DATA: server.dataDir, ...env });
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  return stdout;
}
const one = async (script: string) => JSON.parse(await typed(script));
const lines = async (script: string) => linesOf(await typed(script));
const linesOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('a first session, step by step', () => {
  test('create an agent', async () => {
    const agent = await one(`anthill beta:agents create \\
  --name "Coding Assistant" \\
  --model scripted/demo \\
  --system "You are helpful." \\
  --tool '{type: agent_toolset_20260401}'`);
    assert.equal(agent.name, 'Coding Assistant');
    assert.equal(agent.system, 'You are helpful.');
    assert.equal(agent.tools[0].type, 'agent_toolset_20260401');
    env['AGENT_ID'] = agent.id;
  });

  test('create an environment', async () => {
    const environment = await one(`anthill beta:environments create \\
  --name dev \\
  --config '{type: cloud, networking: {type: unrestricted}}'`);
    assert.deepEqual(environment.config.networking, { type: 'unrestricted' });
    env['ENVIRONMENT_ID'] = environment.id;
  });

  test('create a session with flags', async () => {
    const session = await one(`anthill beta:sessions create \\
  --agent "$AGENT_ID" \\
  --environment-id "$ENVIRONMENT_ID"`);
    assert.equal(session.agent.id, env['AGENT_ID']);
    env['SESSION_ID'] = session.id;
  });

  test('ask the doctor what it waits for', async () => {
    assert.match(await typed('anthill doctor "$SESSION_ID"'), /idle +message +the next message/);
  });

  test('create a session with a body on standard input', async () => {
    const session = await one(`anthill beta:sessions create <<YAML
agent:
  type: agent
  id: $AGENT_ID
  version: 1
environment_id: $ENVIRONMENT_ID
YAML`);
    assert.deepEqual([session.agent.id, session.agent.version], [env['AGENT_ID'], 1]);
    env['OTHER_ID'] = session.id;
  });

  test('send an event', async () => {
    const { data } = await one(`anthill beta:sessions:events send --session-id "$SESSION_ID" <<'YAML'
events:
  - type: user.message
    content:
      - type: text
        text: List the files in the working directory.
YAML`);
    assert.deepEqual(
      data.map((event: { type: string }) => event.type),
      ['user.message'],
    );
  });

  test('stream events until the session rests', async () => {
    const stream = place.anthill(
      ['beta:sessions:events', 'stream', '--session-id', env['SESSION_ID'] ?? ''],
      {
        env: { ANTHILL_DATA: server.dataDir },
      },
    );
    await stream.said('stdout', /"session\.status_idle".*\n/);
    stream.process.kill('SIGINT');
    const { code, stdout, stderr } = await stream.finished;
    assert.deepEqual([code, stderr], [0, '']);
    const events = linesOf(stdout);
    assert.equal(events.at(-1).stop_reason.type, 'end_turn');
    assert.ok(events.some((event) => event.type === 'agent.tool_use'));
    assert.ok(events.some((event) => event.type === 'agent.message'));
  });

  test('list events', async () => {
    const types = (await lines('anthill beta:sessions:events list --session-id "$SESSION_ID"')).map(
      ({ type }) => type,
    );
    assert.deepEqual(types.slice(0, 3), [
      'session.status_running',
      'session.thread_status_running',
      'user.message',
    ]);
    assert.ok(types.includes('agent.tool_result'));
    assert.equal(types.at(-1), 'session.status_idle');
    const filtered = await typed(
      `anthill beta:sessions:events list "$SESSION_ID" --type user.message --transform 'content.0.text' -r`,
    );
    assert.equal(filtered, 'List the files in the working directory.\n');
  });

  test('update a session', async () => {
    const session = await one(`anthill beta:sessions update --session-id "$SESSION_ID" <<'YAML'
agent:
  tools:
    - type: agent_toolset_20260401
    - type: mcp_toolset
      mcp_server_name: linear
  mcp_servers:
    - type: url
      name: linear
      url: https://mcp.linear.app/sse
YAML`);
    assert.deepEqual(
      session.agent.tools.map(({ type }: { type: string }) => type),
      ['agent_toolset_20260401', 'mcp_toolset'],
    );
    assert.equal(session.agent.mcp_servers[0].url, 'https://mcp.linear.app/sse');
  });

  test('a flag wins over standard input', async () => {
    const session = await one(
      `printf '{"title": "piped", "metadata": {"a": "1"}}' | anthill beta:sessions update "$SESSION_ID" --title typed`,
    );
    assert.deepEqual([session.title, session.metadata], ['typed', { a: '1' }]);
  });

  test('retrieve, list, archive and delete', async () => {
    const id = env['SESSION_ID'];
    assert.equal((await one('anthill beta:sessions retrieve --session-id "$SESSION_ID"')).id, id);
    assert.equal((await one('anthill beta:sessions retrieve "$SESSION_ID"')).status, 'idle');
    const ids = (await lines('anthill beta:sessions list --agent-id "$AGENT_ID"')).map(
      (session) => session.id,
    );
    assert.deepEqual(ids.sort(), [id, env['OTHER_ID']].sort());
    assert.ok((await one('anthill beta:sessions archive --session-id "$SESSION_ID"')).archived_at);
    assert.deepEqual(await one('anthill beta:sessions delete --session-id "$SESSION_ID"'), {
      id,
      type: 'session_deleted',
    });
    assert.equal(
      await typed('anthill beta:sessions list --agent-id "$AGENT_ID" --transform id -r'),
      `${env['OTHER_ID']}\n`,
    );
  });

  test('a new version of an agent', async () => {
    const agent = await one(
      'anthill beta:agents update --agent-id "$AGENT_ID" --version 1 --system "Be brief."',
    );
    assert.deepEqual([agent.version, agent.system], [2, 'Be brief.']);
    assert.equal(
      (await one('anthill beta:agents retrieve "$AGENT_ID" --version 1')).system,
      'You are helpful.',
    );
    const scripted = await typed(`{ read -r _ id; read -r _ version; } < <(
  anthill beta:agents retrieve "$AGENT_ID" --transform '{id,version}' --format yaml)
echo "$id $version"`);
    assert.equal(scripted, `${env['AGENT_ID']} 2\n`);
  });

  test('what is not there is exit 1 and a sentence on standard error', async () => {
    const { code, stdout, stderr } = await place.shell('anthill beta:sessions retrieve sesn_none', {
      ANTHILL_DATA: server.dataDir,
    });
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^error: 404 not_found_error: .* \(req_\w+\)\n$/);
  });
});

describe('a deployment, step by step', () => {
  const weekdays = '0 9 * * 1-5';

  test('create one with a schedule as YAML', async () => {
    const deployment = await one(`anthill beta:deployments create \\
  --name "Morning round" \\
  --agent "$AGENT_ID" \\
  --environment-id "$ENVIRONMENT_ID" \\
  --initial-event '{type: user.message, content: [{type: text, text: Good morning.}]}' \\
  --schedule '{type: cron, expression: "${weekdays}", timezone: Europe/Berlin}'`);
    assert.deepEqual(
      [deployment.schedule.expression, deployment.schedule.timezone],
      [weekdays, 'Europe/Berlin'],
    );
    assert.equal(deployment.schedule.upcoming_runs_at.length, 5);
    env['DEPLOYMENT_ID'] = deployment.id;
  });

  test('change its schedule member by member, and clear it', async () => {
    const changed = await one(`anthill beta:deployments update "$DEPLOYMENT_ID" \\
  --schedule.type cron --schedule.expression '*/15 8-18 * * *' --schedule.timezone America/New_York`);
    assert.deepEqual(
      [changed.schedule.expression, changed.schedule.timezone],
      ['*/15 8-18 * * *', 'America/New_York'],
    );
    const cleared = await one(
      'anthill beta:deployments update --deployment-id "$DEPLOYMENT_ID" --schedule null',
    );
    assert.equal(cleared.schedule, null);
  });

  test('pause, run, unpause and archive', async () => {
    assert.equal((await one('anthill beta:deployments pause "$DEPLOYMENT_ID"')).status, 'paused');
    const run = await one('anthill beta:deployments run "$DEPLOYMENT_ID"');
    assert.deepEqual([run.type, run.error], ['deployment_run', null]);
    assert.equal((await one('anthill beta:deployments unpause "$DEPLOYMENT_ID"')).status, 'active');
    const ids = 'anthill beta:deployment-runs list --deployment-id "$DEPLOYMENT_ID" --transform id -r';
    assert.equal(await typed(`${ids} --has-error false`), `${run.id}\n`);
    assert.equal(await typed(`${ids} --has-error`), '');
    const sessions = 'anthill beta:sessions list --deployment-id "$DEPLOYMENT_ID" --transform id -r';
    assert.equal(await typed(sessions), `${run.session_id}\n`);
    assert.equal((await one(`anthill beta:deployment-runs retrieve ${run.id}`)).session_id, run.session_id);
    assert.ok((await one('anthill beta:deployments archive "$DEPLOYMENT_ID"')).archived_at);
    assert.equal(await typed('anthill beta:deployments list --status active'), '');
  });
});

describe('one shot', () => {
  test('anthill run answers and leaves nothing behind', async () => {
    const { code, stdout, stderr } = await place.shell(
      'anthill run "List the files in the working directory."',
      {
        ANTHILL_DATA: server.dataDir,
      },
    );
    assert.equal(code, 0);
    assert.match(stdout, /The working directory contains/);
    assert.match(stderr, /→ bash/);
    assert.equal(await typed(`anthill beta:agents list --transform name`), '"Coding Assistant"\n');
  });

  test('Ctrl-C interrupts the agent and is exit code 130', async () => {
    const run = place.anthill(['run', 'Run the command: sleep 100', '--json'], {
      env: { ANTHILL_DATA: server.dataDir },
    });
    await run.said('stdout', /"agent\.tool_use"/);
    run.process.kill('SIGINT');
    const { code, stdout } = await run.finished;
    assert.equal(code, 130);
    assert.match(stdout, /"session\.status_idle"/);
  });
});

describe('leaving a stream', () => {
  test('Ctrl-C ends it silently', async () => {
    const stream = place.anthill(['beta:sessions:events', 'stream', env['OTHER_ID'] ?? '', '--debug'], {
      env: { ANTHILL_DATA: server.dataDir },
    });
    await stream.said('stderr', /\n200 /);
    stream.process.kill('SIGINT');
    const { code, stdout, stderr } = await stream.finished;
    assert.deepEqual([code, stdout], [0, '']);
    assert.match(stderr, /^GET .*\n200 .*\n$/);
  });

  test('a reader that goes away ends it silently', async () => {
    const say = () =>
      typed(`anthill beta:sessions:events send "$OTHER_ID" \\
  --event '{type: user.message, content: [{type: text, text: "List the files."}]}'`);
    const stream = place.anthill(['beta:sessions:events', 'stream', env['OTHER_ID'] ?? ''], {
      env: { ANTHILL_DATA: server.dataDir },
    });
    await say();
    await stream.said('stdout', /"type": *"user\.message"/);
    stream.process.stdout?.destroy();
    // Whoever writes to a pipe learns that nobody reads from it when it writes.
    await say();
    const { code, stderr } = await stream.finished;
    assert.deepEqual([code, stderr], [0, '']);
  });

  test('a list whose reader goes away is silent too', async () => {
    assert.equal(await typed('anthill beta:sessions:events list "$OTHER_ID" | head -c 1'), '{');
  });
});
