import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { join, normalize } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openEgress } from '../../../test/support/egress.ts';
import { listening, tlsServer } from '../../../test/support/local-servers.ts';
import { bubblewrapProvider, temporaryDirectory } from '../../../test/support/sandbox.ts';
import type { SandboxSecrets } from '../../domain/sandbox-secrets.ts';
import type { Authority } from './certificates.ts';
import { createAuthority } from './certificates.ts';

/** Opens every connection. */
const anywhere: SandboxSecrets = {
  variables: async () => [{ name: 'TOKEN', placeholder: 'anthill_ph_1' }],
  forHost: async () => [
    { placeholder: 'anthill_ph_1', secret: 'a real secret', header: true, body: true, isNamed: false },
  ],
};

describe('programs in a sandbox that know nothing of its door', () => {
  const directory = temporaryDirectory();
  const site = join(directory.path, 'site');
  const provider = bubblewrapProvider(join(directory.path, 'data'));
  const users = new Set<string>();
  let authority: Authority;
  let secure: Server;
  let plain: Server;
  const port = (server: Server) => (server.address() as AddressInfo).port;

  /** The files of the site; what they are asked with is noted. */
  function answer({ url = '', headers }: IncomingMessage, response: ServerResponse): void {
    users.add(headers.authorization ?? '');
    try {
      response.end(readFileSync(join(site, normalize(new URL(url, 'http://x').pathname))));
    } catch {
      response.writeHead(404).end();
    }
  }

  before(async () => {
    authority = await createAuthority(Date.now());
    secure = await listening(tlsServer(authority, answer));
    plain = await listening(createServer(answer));
    mkdirSync(site);
    writeFileSync(join(site, 'a.txt'), 'contents');
    const run = (command: string) =>
      execFileSync('/bin/bash', ['-ec', command], { cwd: directory.path, stdio: 'pipe' });
    run(`git init -q -b main repo; cd repo; echo readme > README
      git -c user.name=a -c user.email=a@b.test add README
      git -c user.name=a -c user.email=a@b.test commit -qm one
      git clone -q --bare . ../site/repo.git; git -C ../site/repo.git update-server-info`);
  });
  after(() => {
    for (const server of [secure, plain]) server.close();
    directory[Symbol.dispose]();
  });

  const open = (secrets?: SandboxSecrets) =>
    openEgress(provider, directory.path, {
      settings: { hosts: { 'site.test': '127.0.0.1' } },
      trusted: [authority.certificate],
      ...(secrets ? { secrets } : {}),
    });
  const python = (url: string) =>
    `python3 -c "import urllib.request; print(urllib.request.urlopen('${url}').read().decode())"`;
  const programs: readonly (readonly [name: string, script: (site: string) => string, printed: RegExp])[] = [
    ['curl', (url) => `curl -sS -H "authorization: $TOKEN" ${url}/a.txt`, /^contents$/],
    ['Python', (url) => python(`${url}/a.txt`), /^contents$/],
    ['git', (url) => `git clone -q ${url}/repo.git cloned && cat cloned/README`, /^readme$/],
    [
      'Node',
      (url) => `./node -e "fetch('${url}/a.txt').then(async (r) => console.log(await r.text()))"`,
      /^contents$/,
    ],
  ];

  for (const [name, script, printed] of programs) {
    test(`${name} trusts what is opened on the way`, async () => {
      await using it = await open(anywhere);
      if (name === 'Node') copyFileSync(process.execPath, join(it.workspace, 'node'));
      assert.match((await it.bash(script(`https://site.test:${port(secure)}`))).trim(), printed);
    });

    test(`${name} over plain HTTP`, async () => {
      await using it = await open();
      if (name === 'Node') copyFileSync(process.execPath, join(it.workspace, 'node'));
      assert.match((await it.bash(script(`http://site.test:${port(plain)}`))).trim(), printed);
    });
  }

  test('the secret came along where it was asked for', () => {
    assert.ok(users.has('a real secret'));
  });
});
