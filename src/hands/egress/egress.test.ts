import assert from 'node:assert/strict';
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { EgressOptions, Reached } from '../../../test/support/egress.ts';
import { limited, openEgress } from '../../../test/support/egress.ts';
import { listening, tlsServer } from '../../../test/support/local-servers.ts';
import { bubblewrapProvider, temporaryDirectory } from '../../../test/support/sandbox.ts';
import type { Authority } from './certificates.ts';
import { createAuthority } from './certificates.ts';

const here = '127.0.0.1';

describe('the network of a sandbox', () => {
  const directory = temporaryDirectory();
  const provider = bubblewrapProvider(join(directory.path, 'data'));
  let web: HttpServer;
  let secure: Server;
  let greeter: Server;
  let authority: Authority;
  const port = (server: Server) => (server.address() as AddressInfo).port;

  before(async () => {
    authority = await createAuthority(Date.now());
    web = await listening(createHttpServer(answer));
    secure = await listening(tlsServer(authority, answer));
    greeter = await listening(
      createServer((socket) => {
        socket.on('error', () => {});
        socket.write('greetings\n');
        socket.on('data', (bytes) => socket.end(bytes));
      }),
    );
  });
  after(() => {
    for (const server of [web, secure, greeter]) server.close();
    web.closeAllConnections();
    directory[Symbol.dispose]();
  });

  const open = (options: EgressOptions = {}): Promise<Reached> =>
    openEgress(provider, directory.path, {
      trusted: [authority.certificate],
      settings: { hosts: { 'site.test': here, 'other.test': here, 'sub.site.test': here } },
      ...options,
    });

  test('programs that know nothing of it reach HTTP, TLS and servers that speak first', async () => {
    await using it = await open();
    const said = await it.bash(`
      curl -sS http://site.test:${port(web)}/curl
      curl -sSk https://site.test:${port(secure)}/tls
      exec 3<>/dev/tcp/site.test/${port(greeter)}; read -u 3 line; echo "$line"; echo back >&3; cat <&3
    `);
    assert.deepEqual(said.split('\n'), ['GET /curl', 'GET /tls', 'greetings', 'back', '']);
    assert.deepEqual(
      it.decisions.map(({ host, result, reason }) => `${host} ${result} ${reason}`),
      Array.from({ length: 3 }, () => 'site.test allowed unrestricted'),
    );
  });

  test('a refused host is named on a page, in TLS as well', async () => {
    await using it = await open({ networking: limited('site.test', '*.wide.test') });
    const said = await it.bash(`
      curl -sS http://site.test:${port(web)}/
      curl -sS -w '%{http_code}\\n' http://other.test:${port(web)}/
      curl -sS -w '%{http_code}\\n' https://other.test/
      curl -sS -w '%{http_code}\\n' http://wide.test/
      curl -sS -w '%{http_code}\\n' http://8.8.8.8/
      exec 3<>/dev/tcp/other.test/22; echo hello >&3; cat <&3; echo closed
    `);
    const refused = (host: string) =>
      `${host} is not among the hosts that the session's environment allows (networking.allowed_hosts).`;
    assert.deepEqual(said.trim().split('\n'), [
      'GET /',
      ...['other.test', 'other.test', 'wide.test', '8.8.8.8'].flatMap((host) => [refused(host), '403']),
      'closed',
    ]);
    assert.deepEqual(
      it.decisions.map(({ host, port, reason }) => `${host} ${port} ${reason}`),
      [
        `site.test ${port(web)} allowed_host`,
        `other.test ${port(web)} host_not_allowed`,
        'other.test 443 host_not_allowed',
        'wide.test 80 host_not_allowed',
        '8.8.8.8 80 host_not_allowed',
        'other.test 22 host_not_allowed',
      ],
    );
  });

  test('addresses that are not public are refused, however they are reached', async () => {
    await using it = await open({
      settings: {},
      names: {
        'metadata.test': () => ['169.254.169.254'],
        'mixed.test': () => ['10.0.0.1', '::1'],
        'none.test': () => [],
      },
    });
    const urls = [
      'http://169.254.169.254/latest/meta-data/',
      'http://0xa9fea9fe/',
      'http://0251.0376.0251.0376/',
      'http://2852039166/',
      'http://[::ffff:169.254.169.254]/',
      'http://10.0.0.1/',
      'http://192.168.1.1/',
      'http://100.64.0.1/',
      'http://metadata.test/',
      'https://metadata.test/',
      'http://mixed.test/',
      'http://none.test/',
    ];
    const said = await it.bash(
      urls.map((url) => `curl -sS -m 5 -o /dev/null -w '%{http_code}\\n' '${url}'`).join('\n'),
    );
    assert.deepEqual(said.trim().split('\n'), [...urls.slice(1).map(() => '403'), '502']);
    assert.deepEqual(
      it.decisions.map(({ reason }) => reason),
      [...urls.slice(1).map(() => 'private_address'), 'name_not_found'],
    );
  });

  test('a name that leads elsewhere later leads nowhere else: the address that was checked is dialled', async () => {
    let asked = 0;
    const addresses = [[here], ['10.9.8.7']];
    await using it = await open({
      settings: { privateNetworks: [`${here}/32`] },
      names: { 'rebinding.test': () => addresses[asked++] ?? [] },
    });
    const fetch = `curl -sS -m 5 http://rebinding.test:${port(web)}/; echo`;
    assert.match(await it.bash(fetch), /^GET \//);
    assert.equal(asked, 1);
    assert.match(await it.bash(fetch), /not public/);
    assert.equal(asked, 2);
  });

  test('a request for another name in TLS is refused', async () => {
    await using it = await open({ networking: limited('site.test') });
    const said = await it.bash(
      `curl -sSk -w '%{http_code}' --connect-to other.test:443:site.test:${port(secure)} https://other.test/`,
    );
    assert.match(said, /names another host than site.test.*421/s);
    assert.deepEqual(it.decisions.at(-1)?.reason, 'host_mismatch');
  });

  test('name servers, UDP and what is no TCP stay inside', async () => {
    await using it = await open();
    const said = await it.bash(`
      getent ahostsv4 site.test | cut -d' ' -f1 | head -1 | cut -d. -f1-2
      python3 - <<'EOF'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(('8.8.8.8', 123))
try: s.send(b'x'); s.send(b'x'); print('sent')
except ConnectionRefusedError: print('refused')
EOF
      curl -sS -m 5 'http://[2001:db8::1]/'
      grep -c : /proc/net/dev
    `);
    assert.match(said, /^198\.18\n/);
    assert.match(said, /^refused$/m);
    assert.match(said, /Couldn't connect/);
    assert.match(said, /^1$/m);
    assert.deepEqual(it.decisions, []);
  });

  test('programs of one sandbox reach each other on its loopback', async () => {
    await using it = await open({ networking: limited('site.test') });
    const said = await it.bash(`
      echo inside > index.html; python3 -m http.server 8099 --bind 127.0.0.1 > log 2>&1 &
      curl -sS --retry-connrefused --retry 50 --retry-delay 0 http://127.0.0.1:8099/
      kill %1
    `);
    assert.match(said, /inside/);
    assert.deepEqual(it.decisions, []);
  });

  test('no door is made where nothing is allowed', async () => {
    await using it = await open({ networking: limited() });
    assert.equal(it.door.door, null);
    const said = await it.bash('curl -sS -m 2 http://site.test/; curl -sS -m 2 http://8.8.8.8/');
    assert.match(said, /Could not resolve host.*(Couldn't connect|Failed to connect)/s);
  });

  test('package managers and MCP servers are let out when they are allowed', async () => {
    const networking = { ...limited(), allow_package_managers: true, allow_mcp_servers: true };
    const hosts = { 'a.registry.test': here, 'mcp.test': here, 'site.test': here };
    await using it = await open({
      networking,
      settings: { hosts, packageHosts: ['*.registry.test'] },
      mcpServers: ['https://mcp.test/sse'],
    });
    await it.bash(
      ['a.registry.test', 'mcp.test', 'site.test']
        .map((host) => `curl -sS http://${host}:${port(web)}/`)
        .join('\n'),
    );
    assert.deepEqual(
      it.decisions.map(({ reason }) => reason),
      ['package_manager', 'mcp_server', 'host_not_allowed'],
    );
  });

  test('large bodies pass both ways, unchanged, with slow readers and half-closed connections', async () => {
    await using it = await open();
    const said = await it.bash(`
      head -c 50000000 /dev/urandom > big; sha256sum < big
      curl -sS -T big http://site.test:${port(web)}/echo | (sleep 0.3; sha256sum)
    `);
    const [sent, back] = said.trim().split('\n');
    assert.equal(back, sent);
  });

  test('thousands of half-open connections harm neither the server nor other sandboxes', async () => {
    await using flood = await open({ networking: limited('site.test') });
    await using other = await open();
    const flooding = flood.bash(`python3 - <<'EOF'
import socket, resource, time
resource.setrlimit(resource.RLIMIT_NOFILE, resource.getrlimit(resource.RLIMIT_NOFILE)[1:] * 2)
held = []
for i in range(3000):
    s = socket.socket()
    s.setblocking(False)
    try: s.connect(('site.test' if i % 2 else '198.18.0.1', ${port(web)}))
    except (BlockingIOError, OSError): pass
    held.append(s)
print(len(held))
time.sleep(2)
EOF`);
    for (let index = 0; index < 20; index++)
      assert.equal(
        await other.bash(`curl -sS -m 5 http://site.test:${port(web)}/${index}`),
        `GET /${index}\n`,
      );
    assert.equal((await flooding).trim(), '3000');
    assert.equal(await flood.bash(`curl -sS -m 20 http://site.test:${port(web)}/after`), 'GET /after\n');
  });

  test('the forwarder ends with its sandbox', async () => {
    const it = await open();
    await it[Symbol.asyncDispose]();
    const refused = await new Promise<Error>((resolve) => connect(it.door.door ?? '').once('error', resolve));
    assert.match(refused.message, /ENOENT|ECONNREFUSED/);
  });
});

/** Says what was asked for, or gives back what was sent. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  if (request.url === '/echo') request.pipe(response);
  else response.end(`${request.method} ${request.url}\n`);
}
