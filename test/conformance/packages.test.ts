import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Registries } from '../support/registries.ts';
import { openRegistries, registryHost } from '../support/registries.ts';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import type { StreamedEvent } from '../support/server-sessions.ts';
import { openSession, say, toolset, uniqueName } from '../support/server-sessions.ts';

const bash = (command: string) =>
  `rules:\n  - when: { step: 0 }\n    reply: [{ tool: bash, input: { command: ${JSON.stringify(command)} } }]\n  - reply: [{ text: Done. }]\n`;
const scenarios = {
  use: bash(
    'ant-hello; ant_snake; python3 -c "import ant_snake; ant_snake.speak()"; node -e "require(\'ant-hello\')"',
  ),
  harm: bash(
    'rm -rf /mnt/packages/*; echo evil > /mnt/packages/bin/ant-hello; touch /mnt/packages/x; ls /mnt/packages/bin',
  ),
  say: bash('echo still here; ls /mnt/packages 2>&1'),
};
const used = 'hello from npm\nhello from pip\nhello from pip\nhello from npm';

describe('packages of an environment', () => {
  const home = serverHome(scenarios);
  let registries: Registries;
  let server: ServerProcess;
  const start = async () => {
    server = await home.start();
  };
  before(async () => {
    registries = await openRegistries();
    mkdirSync(home.dataDir, { recursive: true, mode: 0o700 });
    const settings = {
      sandbox_network: { hosts: { [registryHost]: '127.0.0.1' } },
      packages: { variables: registries.variables },
    };
    writeFileSync(join(home.dataDir, 'anthill.yaml'), JSON.stringify(settings));
    await start();
  });
  after(async () => {
    await home.remove();
    registries.close();
  });

  type Packages = { npm?: string[]; pip?: string[]; apt?: string[]; gem?: string[] };
  const environmentWith = (packages: Packages, rest: object = {}) =>
    server.client.beta.environments.create({
      name: `packages ${uniqueName()}`,
      config: { type: 'cloud', packages, ...rest },
    });
  const sessionIn = (environment: { id: string }, model = 'use') =>
    openSession(
      server.client,
      { model: `scripted/${model}`, tools: [toolset] },
      { environment_id: environment.id },
    );
  const runIn = async (environment: { id: string }, model = 'use') => {
    const session = await sessionIn(environment, model);
    return { session, ...told(await say(server.client, session.id, 'go')) };
  };
  const layers = () => readdirSync(join(home.dataDir, 'packages', 'layers'));
  const both = { npm: ['ant-hello@1.0.0'], pip: ['ant-snake==1.0'] };

  test('are installed once for two sessions that begin at once, and are there for every program', async () => {
    const environment = await environmentWith(both);
    const [one, other] = await Promise.all([runIn(environment), runIn(environment)]);
    assert.deepEqual([one.text, other.text], [used, used]);
    assert.deepEqual([one.errors, other.errors], [[], []]);
    assert.equal(registries.asked.filter((path) => path === '/ant-hello.tgz').length, 1);
    assert.equal(layers().length, 1);
  });

  test('are shared by environments with the same ones, in whatever order, and by no others', async () => {
    const before = registries.asked.length;
    const same = await environmentWith({ pip: [...both.pip], npm: [...both.npm, ...both.npm] });
    assert.equal((await runIn(same)).text, used);
    assert.equal(registries.asked.length, before);
    const other = await environmentWith({ npm: ['ant-hello'] });
    assert.match((await runIn(other)).text, /^hello from npm\n.*ant_snake: command not found/);
    assert.equal(layers().length, 2);
  });

  test('cannot be changed by a session', async () => {
    const environment = await environmentWith(both);
    const { text } = await runIn(environment, 'harm');
    assert.match(text, /Read-only file system/);
    assert.match(text, /ant-hello$/);
    assert.equal((await runIn(environment)).text, used);
  });

  test('of a changed environment are for sandboxes made afterwards', async () => {
    const environment = await environmentWith({ npm: ['ant-hello'] });
    const { session } = await runIn(environment);
    await server.client.beta.environments.update(environment.id, {
      config: { type: 'cloud', packages: both },
    });
    assert.match(told(await say(server.client, session.id, 'again')).text, /ant_snake: command not found/);
    assert.equal((await runIn(environment)).text, used);
  });

  test('that cannot be installed are an error of the session, which goes on', async () => {
    const environment = await environmentWith({ npm: ['ant-broken'] });
    const [one, other] = await Promise.all([runIn(environment, 'say'), runIn(environment, 'say')]);
    for (const { text, errors, types } of [one, other]) {
      assert.match(text, /^still here\nls: cannot access '\/mnt\/packages'/);
      const [error, ...more] = errors;
      assert.deepEqual(more, []);
      assert.equal(error?.type, 'unknown_error');
      assert.deepEqual(error?.retry_status, { type: 'retrying' });
      assert.match(
        error?.message ?? '',
        /^Packages of the environment could not be installed: npm ended with 7: /,
      );
      assert.match(error?.message ?? '', /the widget is out of order/);
      assert.ok(types.indexOf('session.error') < types.indexOf('agent.tool_result'));
    }
    assert.equal(registries.asked.filter((path) => path === '/ant-broken.tgz').length, 1);
    const again = told(await say(server.client, one.session.id, 'again'));
    assert.deepEqual(again.errors, []);
    assert.deepEqual(readdirSync(join(home.dataDir, 'packages', 'incoming')), []);
  });

  const missing: readonly (readonly [name: string, packages: Packages, message: RegExp])[] = [
    [
      'a package that does not exist',
      { pip: ['ant-nothing'] },
      /pip ended with 1: .*No matching distribution/s,
    ],
    ['a version that does not exist', { npm: ['ant-hello@9'] }, /npm ended with 1: .*ETARGET/s],
    [
      'a second manager after one that worked',
      { npm: ['ant-hello'], pip: ['ant-nothing'] },
      /pip ended with 1/,
    ],
  ];
  for (const [name, packages, message] of missing) {
    test(`${name} is said`, async () => {
      const { errors } = await runIn(await environmentWith(packages), 'say');
      assert.match(errors[0]?.message ?? '', message);
    });
  }

  test('are refused where a name is an option', async () => {
    await assert.rejects(environmentWith({ pip: ['--index-url=http://evil.test'] }), {
      status: 400,
      message: /config\.packages\.pip: .*--index-url=http:\/\/evil\.test.* is an option, not a package/,
    });
  });

  test('come from where the environment lets its sessions go', async () => {
    const networking = { type: 'limited', allow_package_managers: true };
    const { errors } = await runIn(await environmentWith({ npm: ['ant-hello'] }, { networking }), 'say');
    // The same as before: the layer is there.
    assert.deepEqual(errors, []);
    const fresh = await environmentWith({ npm: ['ant-hello@1'] }, { networking });
    const refused = await runIn(fresh, 'say');
    assert.match(refused.errors[0]?.message ?? '', /npm ended with 1: .*403/s);
    // Over TLS the refusal is as readable.
    const away = await environmentWith({ npm: ['https://elsewhere.test/ant.tgz'] }, { networking });
    const unread = await runIn(away, 'say');
    assert.match(unread.errors[0]?.message ?? '', /npm ended with 1: .*403/s);
    const allowed = { ...networking, allowed_hosts: [registryHost] };
    const open = await runIn(
      await environmentWith({ npm: ['ant-hello@^1'] }, { networking: allowed }),
      'say',
    );
    assert.deepEqual(open.errors, []);
  });

  test('are waited for by tool calls alone, and a session can be deleted meanwhile', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    registries.hold = promise;
    const environment = await environmentWith({ npm: ['ant-hello@1.0'] });
    const talks = await sessionIn(environment, 'demo');
    assert.equal(told(await say(server.client, talks.id, 'hello')).errors.length, 0);
    await server.client.beta.sessions.delete(talks.id);
    const works = sessionIn(environment).then((session) => say(server.client, session.id, 'go'));
    resolve();
    registries.hold = Promise.resolve();
    assert.match(told(await works).text, /^hello from npm/);
  });

  test('that were being installed when the server was killed are installed anew', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    registries.hold = promise;
    const environment = await environmentWith({ npm: ['ant-hello', 'ant-hello@1'] });
    const before = layers().length;
    await sessionIn(environment);
    const incoming = join(home.dataDir, 'packages', 'incoming');
    await registries.nextRequest();
    assert.equal(readdirSync(incoming).length, 1);
    await server.kill();
    resolve();
    registries.hold = Promise.resolve();
    assert.equal(layers().length, before);
    await start();
    assert.match((await runIn(environment)).text, /^hello from npm/);
    assert.equal(layers().length, before + 1);
    assert.deepEqual(readdirSync(incoming), []);
  });

  test('nothing of this was logged as an error', () => {
    assert.deepEqual(server.errors(), []);
    assert.ok(existsSync(join(home.dataDir, 'packages', 'layers')));
  });
});

function told(events: readonly StreamedEvent[]) {
  const text = events
    .flatMap((event) => (event.type === 'agent.tool_result' ? (event.content ?? []) : []))
    .map((block) => ('text' in block ? block.text : ''))
    .join('\n');
  const errors = events.flatMap((event) => (event.type === 'session.error' ? [event.error] : []));
  return { text, errors, types: events.map(({ type }) => type) };
}
