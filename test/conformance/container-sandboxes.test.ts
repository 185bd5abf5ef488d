import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { listening } from '../support/local-servers.ts';
import { startPodman } from '../support/podman.ts';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { openSession, say } from '../support/server-sessions.ts';

const engine = await startPodman();
const web = await listening(
  createServer((request, response) => response.end(`this is ${request.headers.host}`)),
);
const { port } = web.address() as AddressInfo;

const call = (tool: string, input: object) => `{ tool: ${tool}, input: ${JSON.stringify(input)} }`;
const steps = [
  call('bash', { command: `curl -sS -m 20 http://site.test:${port}/; curl -s -m 20 http://10.0.0.1/` }),
  call('write', { file_path: '/workspace/notes.txt', content: 'one\ntwo\n' }),
  call('edit', { file_path: '/workspace/notes.txt', old_string: 'two', new_string: 'three' }),
  call('read', { file_path: '/workspace/notes.txt' }),
  call('glob', { pattern: '*.txt' }),
  call('grep', { pattern: 'three' }),
  call('bash', { command: 'cp notes.txt /mnt/session/outputs/result.txt; whoami; echo $$' }),
];
const scenario = `rules:\n${steps.map((step, index) => `  - when: { step: ${index} }\n    reply: [${step}]\n`).join('')}  - reply: [{ text: Done. }]\n`;
const one = `rules:\n  - when: { step: 0 }\n    reply: [${call('bash', { command: 'true' })}]\n  - reply: [{ text: Done. }]\n`;

if ('skip' in engine) test('sessions in containers', { skip: engine.skip }, () => void web.close());
else
  describe('sessions in containers', () => {
    const home = serverHome({ tools: scenario, one });
    let server: ServerProcess;
    const settings = (image: string) =>
      writeFileSync(
        join(home.dataDir, 'anthill.yaml'),
        `sandbox: { provider: container, socket: ${engine.socket}, image: ${image} }\nsandbox_network: { hosts: { site.test: 127.0.0.1 } }\n`,
      );
    before(async () => {
      mkdirSync(home.dataDir, { recursive: true, mode: 0o700 });
      settings(engine.image);
      server = await home.start();
    });
    after(async () => {
      await home.remove();
      await engine.close();
      web.close();
      web.closeAllConnections();
    });

    test('use every tool, reach the network through their door, and leave outputs', async () => {
      const { client } = server;
      const session = await openSession(client, { model: 'scripted/tools' });
      const events = await say(client, session.id, 'go');
      const results = events.flatMap((event) =>
        event.type === 'agent.tool_result'
          ? [event.content?.map((block) => ('text' in block ? block.text : '')).join('') ?? '']
          : [],
      );
      assert.equal(results.length, steps.length, results.join('\n'));
      const [network = '', , , read = '', glob = '', grep = '', last = ''] = results;
      assert.match(network, new RegExp(`^this is site.test:${port}10\\.0\\.0\\.1 is or leads to an address`));
      assert.match(read, /one\n.*three/);
      assert.match(glob, /\/workspace\/notes\.txt/);
      assert.match(grep, /three/);
      assert.match(last, /^(agent|root)\n\d+/);
      const files = await client.beta.files.list({
        scope_id: session.id,
        betas: ['managed-agents-2026-04-01'],
      });
      const file = files.data.find(({ filename }) => filename === 'result.txt');
      assert.ok(file);
      assert.equal(await (await client.beta.files.download(file.id)).text(), 'one\nthree\n');
      assert.deepEqual(server.errors(), []);
    });

    test('end with the server, which leaves no container behind', async () => {
      assert.equal(await server.stop(), 0);
      assert.deepEqual(engine.containers(), []);
    });

    test('are not there where the image is not, which the tool says', async () => {
      settings('localhost/no-such-image:latest');
      server = await home.start();
      const session = await openSession(server.client, { model: 'scripted/one' });
      const events = await say(server.client, session.id, 'go');
      assert.match(
        JSON.stringify(events),
        /the image localhost\/no-such-image:latest is not on this machine/,
      );
      await server.stop();
    });

    test('a server without its engine does not start, and says why', async () => {
      writeFileSync(
        join(home.dataDir, 'anthill.yaml'),
        'sandbox: { provider: container, socket: /nowhere/engine.sock }\n',
      );
      const { code, stderr } = await home.refusedStart({});
      assert.notEqual(code, 0);
      assert.match(stderr, /no container engine answers on \/nowhere\/engine\.sock/);
    });
  });
