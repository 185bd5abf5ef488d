import assert from 'node:assert/strict';
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import type { EgressOptions } from '../../../test/support/egress.ts';
import { openEgress } from '../../../test/support/egress.ts';
import { listening, tlsServer } from '../../../test/support/local-servers.ts';
import { bubblewrapProvider, temporaryDirectory } from '../../../test/support/sandbox.ts';
import { coversHost } from '../../domain/hosts.ts';
import type { Injection, SandboxSecrets } from '../../domain/sandbox-secrets.ts';
import type { Authority } from './certificates.ts';
import { createAuthority } from './certificates.ts';

const here = '127.0.0.1';
const secret = 'sk-live-0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const placeholder = 'anthill_ph_00112233445566778899aabbccddeeff';
const hosts = { 'api.test': here, 'other.test': here };

/** One variable, `API_KEY`, for the hosts that are given. */
function secretsFor(wanted: readonly string[], how: Partial<Injection> = {}) {
  const state = { secret, asked: 0 };
  const secrets: SandboxSecrets = {
    variables: async () => [{ name: 'API_KEY', placeholder }],
    async forHost(_, host) {
      state.asked += 1;
      const isNamed = wanted.some((pattern) => coversHost(pattern, host));
      if (!isNamed && wanted.length > 0) return [];
      return [{ placeholder, secret: state.secret, header: true, body: true, isNamed, ...how }];
    },
  };
  return { secrets, state };
}

describe('secrets at the door of a sandbox', () => {
  const directory = temporaryDirectory();
  const provider = bubblewrapProvider(join(directory.path, 'data'));
  const seen: { headers: IncomingMessage['headers']; url: string; body: string }[] = [];
  let web: HttpServer;
  let secure: Server;
  let authority: Authority;
  const port = (server: Server) => (server.address() as AddressInfo).port;

  /** Notes what came, and answers with all of it. */
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    seen.push({ headers: request.headers, url: request.url ?? '', body });
    const { authorization = '' } = request.headers;
    response.writeHead(200, { 'x-echo': authorization, 'content-type': 'text/plain' });
    response.end(`${authorization}|${body}|end\n`);
  }

  before(async () => {
    authority = await createAuthority(Date.now());
    web = await listening(createServer((request, response) => void answer(request, response)));
    secure = await listening(tlsServer(authority, (request, response) => void answer(request, response)));
  });
  after(() => {
    for (const server of [web, secure]) server.close();
    web.closeAllConnections();
    directory[Symbol.dispose]();
  });

  const open = (options: EgressOptions) => {
    seen.length = 0;
    return openEgress(provider, directory.path, {
      trusted: [authority.certificate],
      settings: { hosts },
      ...options,
    });
  };

  test('are put into headers, Basic authentication and bodies, and taken out of what comes back', async () => {
    await using it = await open(secretsFor(['api.test']));
    const url = `https://api.test:${port(secure)}`;
    const said = await it.bash(`
      curl -sSi -H "authorization: Bearer $API_KEY" ${url}/bearer
      curl -sS -u "me:$API_KEY" ${url}/basic
      curl -sS -d "{\\"key\\": \\"$API_KEY\\"}" ${url}/body
      (head -c 3000000 /dev/zero | tr '\\0' a; printf %s "$API_KEY") > long; curl -sS --data-binary @long ${url}/long | tail -c 60
      printf %s "$API_KEY" | curl -sS -H 'transfer-encoding: chunked' -T - ${url}/chunked
    `);
    assert.doesNotMatch(said, new RegExp(secret));
    assert.doesNotMatch(said, new RegExp(Buffer.from(`me:${secret}`).toString('base64')));
    assert.match(said, /x-echo: Bearer anthill_ph_/);
    const [bearer, basic, body, long, chunked] = seen;
    assert.equal(bearer?.headers.authorization, `Bearer ${secret}`);
    assert.equal(basic?.headers.authorization, `Basic ${Buffer.from(`me:${secret}`).toString('base64')}`);
    assert.equal(body?.body, `{"key": "${secret}"}`);
    assert.equal(body?.headers['content-length'], String(body?.body.length));
    assert.equal(long?.body.slice(-secret.length - 1), `a${secret}`);
    assert.equal(chunked?.body, secret);
  });

  test('go where their credential says and nowhere else, and never in a URL', async () => {
    await using it = await open(secretsFor(['api.test']));
    const header = '-H "authorization: $API_KEY"';
    await it.bash(`
      curl -sSk ${header} https://other.test:${port(secure)}/
      curl -sS ${header} http://other.test:${port(web)}/
      curl -sS "https://api.test:${port(secure)}/?key=$API_KEY"
      curl -sSk -H 'host: api.test' ${header} https://other.test:${port(secure)}/
      curl -sS -H 'host: other.test' ${header} https://api.test:${port(secure)}/
    `);
    assert.deepEqual(
      seen.map(({ headers, url }) => [headers.authorization, url]),
      [
        [placeholder, '/'],
        [placeholder, '/'],
        [undefined, `/?key=${placeholder}`],
        [placeholder, '/'],
      ],
    );
    assert.equal(it.decisions.at(-1)?.reason, 'host_mismatch');
  });

  test('do not go to another host of a server by a second name for it', async () => {
    await using it = await open(secretsFor(['api.test']));
    const url = `https://api.test:${port(secure)}/`;
    const said = await it.bash(`
      curl -sS -o /dev/null -w '%{http_code}\\n' -H "authorization: $API_KEY" --request-target https://other.test/ ${url}
      printf 'GET / HTTP/1.1\\r\\nHost: api.test\\r\\nHost: other.test\\r\\nAuthorization: %s\\r\\nConnection: close\\r\\n\\r\\n' "$API_KEY" | openssl s_client -quiet -connect api.test:${port(secure)} -servername api.test 2>/dev/null | head -1 | cut -d' ' -f2
    `);
    assert.match(said, /^421\n4\d\d\n$/);
    assert.deepEqual(seen, []);
  });

  test('are in no answer to a request for another protocol', async () => {
    await using it = await open(secretsFor(['api.test']));
    const upgrades = '-H "connection: upgrade" -H "upgrade: websocket"';
    const url = `https://api.test:${port(secure)}/`;
    const said = await it.bash(`curl -sSi -m 5 ${upgrades} -H "authorization: $API_KEY" ${url}`);
    assert.equal(seen[0]?.headers.authorization, secret);
    assert.match(said, /x-echo: anthill_ph_.*anthill_ph_/s);
    assert.doesNotMatch(said, new RegExp(secret));
  });

  test('go without encryption only to hosts that their credential names', async () => {
    const fetch = `curl -sS -H "authorization: $API_KEY" http://api.test:${port(web)}/`;
    await using named = await open(secretsFor(['api.test']));
    await named.bash(fetch);
    assert.equal(seen[0]?.headers.authorization, secret);
    await using anywhere = await open(secretsFor([]));
    await anywhere.bash(fetch);
    assert.equal(seen[0]?.headers.authorization, placeholder);
    const other = { placeholder: 'anthill_ph_other', secret: 'another secret', isNamed: false };
    const forHost = async (): Promise<Injection[]> => [
      { placeholder, secret, header: true, body: true, isNamed: true },
      { ...other, header: true, body: true },
    ];
    await using both = await open({ secrets: { variables: async () => [], forHost } });
    const send = (url: string) => `curl -sS -H "authorization: ${placeholder} ${other.placeholder}" ${url}`;
    await both.bash(`
      ${send(`http://api.test:${port(web)}/`)}
      ${send(`https://api.test:${port(secure)}/`)}
    `);
    assert.deepEqual(
      seen.map(({ headers }) => headers.authorization),
      [`${secret} ${other.placeholder}`, `${secret} ${other.secret}`],
    );
  });

  test('keep to the locations of their credential', async () => {
    const send = `curl -sS -H "authorization: $API_KEY" -d "$API_KEY" https://api.test:${port(secure)}/`;
    await using inHeaders = await open(secretsFor(['api.test'], { body: false }));
    await inHeaders.bash(send);
    assert.deepEqual([seen[0]?.headers.authorization, seen[0]?.body], [secret, placeholder]);
    await using inBodies = await open(secretsFor(['api.test'], { header: false }));
    await inBodies.bash(send);
    assert.deepEqual([seen[0]?.headers.authorization, seen[0]?.body], [placeholder, secret]);
  });

  test('a rotation is heard with the next request of the same connection', async () => {
    const { secrets, state } = secretsFor(['api.test']);
    await using it = await open({ secrets });
    const url = `https://api.test:${port(secure)}/`;
    const running = it.bash(`python3 - <<'EOF'
import http.client, os, ssl, time
c = http.client.HTTPSConnection('api.test', ${port(secure)})
for attempt in range(2):
    c.request('GET', '/', headers={'authorization': os.environ['API_KEY']})
    print(c.getresponse().read().decode())
    while attempt == 0 and not os.path.exists('/workspace/go'): time.sleep(0.01)
EOF`);
    while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
    state.secret = 'another-secret-of-a-different-length';
    await it.sandbox.writeFile('/workspace/go', Buffer.from(''));
    assert.doesNotMatch(await running, /secret-of/, url);
    assert.deepEqual(
      seen.map(({ headers }) => headers.authorization),
      [secret, 'another-secret-of-a-different-length'],
    );
  });

  test('are nowhere in the sandbox', async () => {
    await using it = await open(secretsFor(['api.test']));
    const said = await it.bash(`
      curl -sS -u "me:$API_KEY" https://api.test:${port(secure)}/ > answer
      env; cat answer
      grep -ras 'sk-''live-0123456789' / --exclude-dir=proc --exclude-dir=sys --exclude-dir=usr | head
      cat /proc/*/environ /proc/*/cmdline | tr '\\0' '\\n'
      grep -r 'PRIVATE'' KEY' /run /workspace /tmp /root /etc 2>/dev/null
    `);
    assert.match(said, new RegExp(`API_KEY=${placeholder}`));
    assert.doesNotMatch(said, /sk-live|PRIVATE KEY/);
  });

  test('connections without a secret are not opened', async () => {
    await using it = await open(secretsFor(['api.test']));
    const issuer = (host: string) =>
      `echo | openssl s_client -connect ${host}:${port(secure)} -servername ${host} 2>/dev/null | grep -c 'BEGIN CERT'; openssl s_client -connect ${host}:${port(secure)} -servername ${host} -showcerts </dev/null 2>/dev/null | openssl x509 -noout -fingerprint`;
    const [, opened, , passed] = (await it.bash(`${issuer('api.test')}; ${issuer('other.test')}`)).split(
      '\n',
    );
    assert.notEqual(opened, passed);
  });

  test('event streams pass as they come, and servers that speak first are waited for', async () => {
    await using it = await open(secretsFor([]));
    const { promise: asked, resolve: begin } = Promise.withResolvers<ServerResponse>();
    const stream = await listening(tlsServer(authority, (_, response) => begin(response)));
    const reading = it.bash(`
      curl -sSN -H "authorization: $API_KEY" https://api.test:${port(stream)}/ | while read line; do echo "$line"; touch /workspace/"$line"; done
    `);
    const response = await asked;
    for (const event of ['one', 'two']) {
      response.write(`${event}\n`);
      while ((await it.sandbox.readFile(`/workspace/${event}`, 1).catch(() => null)) === null)
        await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
    assert.equal(await reading, 'one\ntwo\n');
    stream.close();
  });
});
