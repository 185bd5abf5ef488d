import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { listening } from '../support/local-servers.ts';
import type { AgentParams } from '../support/server-sessions.ts';
import { listAll, openSession, say, toolset, weather } from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';
import { openQueue } from '../support/server-work.ts';

const directory = mkdtempSync(join(tmpdir(), 'anthill-web-'));
const config = join(directory, 'anthill.yaml');
const hosts = ['pages.test', 'other.test', 'sub.pages.test'];
writeFileSync(
  config,
  `sandbox_network:\n  hosts:\n${hosts.map((host) => `    ${host}: 127.0.0.1\n`).join('')}`,
);
// The model fetches the last URL that it was told of, or the one behind "instead of".
const scenarios = {
  fetch: `rules:
  - when: { step: 0, user: 'instead fetch (\\S+)' }
    reply: [{ tool: web_fetch, input: { url: "http://pages.test:PORT/hidden" } }]
  - when: { step: 0, user: '^page' }
    reply: [{ tool: web_fetch, input: { url: "http://pages.test:PORT/page" } }]
  - when: { step: 1, user: '^page then' }
    reply: [{ tool: web_fetch, input: { url: "http://pages.test:PORT/linked" } }]
  - when: { step: 0, user: '^redirect' }
    reply: [{ tool: web_fetch, input: { url: "http://pages.test:PORT/redirect" } }]
  - when: { step: 0, user: '^inward' }
    reply: [{ tool: web_fetch, input: { url: "http://pages.test:PORT/inward" } }]
  - when: { step: 0, user: '^data' }
    reply: [{ tool: web_fetch, input: { url: "http://pages.test:PORT/data.json" } }]
  - when: { step: 0, user: '^packed' }
    reply: [{ tool: web_fetch, input: { url: "http://pages.test:PORT/packed" } }]
  - when: { step: 0, user: '^document' }
    reply: [{ tool: web_fetch, input: { url: "http://pages.test:PORT/a.pdf" } }]
  - when: { step: 0, user: '^sound' }
    reply: [{ tool: web_fetch, input: { url: "http://pages.test:PORT/a.wav" } }]
  - when: { step: 0, user: '^gone' }
    reply: [{ tool: web_fetch, input: { url: "http://pages.test:PORT/gone" } }]
  - when: { step: 0, user: '^metadata' }
    reply: [{ tool: web_fetch, input: { url: "http://169.254.169.254/latest" } }]
  - when: { step: 0, user: '^long' }
    reply: [{ tool: web_fetch, input: { url: "http://pages.test:PORT/${'x'.repeat(250)}" } }]
  - reply: [{ text: "{{last_tool_result}}" }]
`,
};

const page = `<html><head><title>Ants &amp; co</title></head><body><nav><a href="/nav">Menu</a></nav>
<main><h1>Ants</h1><p>They <b>dig</b>. See <a href="/linked">more</a>.</p><script>evil()</script></main></body></html>`;

function answer(request: IncomingMessage, response: ServerResponse, port: () => number): void {
  const send = (type: string, body: string, status = 200) =>
    response.writeHead(status, { 'content-type': type }).end(body);
  const to = (location: string) => response.writeHead(302, { location }).end();
  switch (request.url) {
    case '/page':
      return void send('text/html; charset=utf-8', page);
    case '/linked':
      return void send('text/plain', 'the linked page');
    case '/redirect':
      return void to(`http://other.test:${port()}/linked`);
    case '/inward':
      return void to(`http://127.0.0.1:${port()}/linked`);
    case '/packed':
      response.writeHead(200, { 'content-type': 'text/plain', 'content-encoding': 'gzip' });
      return void response.end(gzipSync('unpacked'));
    case '/data.json':
      return void send('application/json', '{"ants":3}');
    case '/a.pdf':
      return void send('application/pdf', '%PDF-1.4 tiny');
    case '/a.wav':
      return void send('audio/wav', 'RIFF');
    default:
      return void send('text/plain', 'nothing', 404);
  }
}

const server: Server = await listening(createServer((request, response) => answer(request, response, port)));
const port = () => (server.address() as AddressInfo).port;
for (const [name, text] of Object.entries(scenarios))
  Reflect.set(scenarios, name, text.replaceAll('PORT', String(port())));

describeServer(
  { name: 'web_fetch', scenarios, env: { ANTHILL_CONFIG: config } },
  ({ client, server: anthill }) => {
    before(() => assert.ok(port() > 0));
    after(() => {
      server.close();
      rmSync(directory, { recursive: true });
    });

    type Settings = Record<string, unknown>;
    type Limited = { type: 'limited'; allowed_hosts: string[] };
    const tools = (settings: Settings = {}): NonNullable<AgentParams['tools']> => [
      { ...toolset, configs: [{ name: 'web_fetch', ...settings }] },
      weather,
    ];
    async function fetched(words: string, settings?: Settings, networking?: Limited) {
      const agent = { model: 'scripted/fetch', tools: tools(settings) };
      const session = await openSession(client, agent);
      if (networking) {
        const limited = { type: 'cloud' as const, networking };
        await client.beta.environments.update(session.environment_id, { config: limited });
      }
      await say(client, session.id, words);
      return (await listAll(client, session.id)).flatMap((event) =>
        event.type === 'agent.tool_result' ? [event] : [],
      );
    }
    const textOf = (result: Awaited<ReturnType<typeof fetched>>[number] | undefined) =>
      (result?.content ?? []).map((block) => (block.type === 'text' ? block.text : block.type)).join();
    const url = (path: string, host = 'pages.test') => `http://${host}:${port()}${path}`;

    test('reads a page: its main part as text, with absolute URLs', async () => {
      const [result] = await fetched(`page, please: ${url('/page')}.`);
      const text = textOf(result);
      assert.match(
        text,
        /^Ants & co\nhttp:\/\/pages\.test:\d+\/page\n\nAnts\n\nThey dig\. See more \(http:\/\/pages\.test:\d+\/linked\)\.$/,
      );
      assert.equal(result?.is_error, false);
    });

    test('fetches what a page has shown, and nothing that nobody has', async () => {
      const [, second] = await fetched(`page then the link: ${url('/page')}`);
      assert.match(textOf(second), /the linked page/);
      const [refused] = await fetched(`instead fetch something; ${url('/page')}`);
      assert.equal(refused?.is_error, true);
      assert.match(textOf(refused), /^url_not_in_prior_context: /);
    });

    test('takes text as it is and documents as documents, nothing else', async () => {
      assert.match(textOf((await fetched(`data ${url('/data.json')}`))[0]), /\{"ants":3\}$/);
      assert.match(textOf((await fetched(`packed ${url('/packed')}`))[0]), /unpacked$/);
      const [pdf] = await fetched(`document ${url('/a.pdf')}`);
      assert.deepEqual(pdf?.content?.[0]?.type, 'document');
      assert.match(textOf((await fetched(`sound ${url('/a.wav')}`))[0]), /^unsupported_content_type: /);
      assert.match(textOf((await fetched(`gone ${url('/gone')}`))[0]), /^url_not_accessible: HTTP 404/);
      assert.match(textOf((await fetched(`long ${url('/')}${'x'.repeat(250)}`))[0]), /^url_too_long: /);
    });

    test('keeps to the lists of domains, at redirects too; a domain covers what is below it', async () => {
      const go = (path: string, settings: Settings) => fetched(`${path} ${url(`/${path}`)}`, settings);
      assert.match(textOf((await go('redirect', {}))[0]), /the linked page/);
      for (const [path, settings] of [
        ['page', { allowed_domains: ['other.test'] }],
        ['page', { blocked_domains: ['pages.test'] }],
        ['redirect', { allowed_domains: ['pages.test'] }],
        ['redirect', { blocked_domains: ['other.test'] }],
      ] as const) {
        assert.match(textOf((await go(path, settings))[0]), /^url_not_allowed: /);
      }
      assert.match(textOf((await go('page', { allowed_domains: ['pages.test'] }))[0]), /Ants/);
    });

    test('goes to no address that is not public, not even when it is sent there', async () => {
      assert.match(
        textOf((await fetched(`inward ${url('/inward')}`))[0]),
        /^url_not_accessible: private_address/,
      );
      assert.match(
        textOf((await fetched('metadata http://169.254.169.254/latest'))[0]),
        /^url_not_accessible: private_address/,
      );
    });

    test('keeps to the hosts of a limited environment', async () => {
      const limited = (host: string): Limited => ({ type: 'limited', allowed_hosts: [host] });
      const words = `page ${url('/page')}`;
      assert.match(textOf((await fetched(words, {}, limited('*.pages.test')))[0]), /^url_not_allowed: /);
      assert.match(textOf((await fetched(words, {}, limited('pages.test')))[0]), /Ants/);
    });

    test('leaves out what is more than it may show', async () => {
      const [result] = await fetched(`page ${url('/page')}`, { max_content_tokens: 2 });
      assert.match(textOf(result), /\n\nAnts\n\nT\n\n\[the rest was left out\]$/);
    });

    test('is not there when it is disabled, asks when it is to, and runs here when workers have the sandboxes', async () => {
      const [refused] = await fetched(`page ${url('/page')}`, { enabled: false });
      assert.match(textOf(refused), /not available/);
      assert.deepEqual(
        await fetched(`page ${url('/page')}`, { permission_policy: { type: 'always_ask' } }),
        [],
      );
      const queue = await openQueue(anthill);
      const session = await queue.open({ model: 'scripted/fetch', tools: tools() });
      await say(client, session.id, `page ${url('/page')}`);
      const events = await listAll(client, session.id);
      assert.ok(events.some((event) => event.type === 'agent.tool_result' && event.is_error === false));
    });
  },
);
