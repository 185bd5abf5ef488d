import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { filesHolding } from '../support/canary.ts';
import { blockEvents, messageEnd, messageStart, sse, textDeltas } from '../support/model-stream.ts';
import type { RecordingServer } from '../support/recording-server.ts';
import { startRecordingServer } from '../support/recording-server.ts';
import type { RepositoryParams } from '../support/repository-suite.ts';
import { describeRepositories, errorsIn } from '../support/repository-suite.ts';
import type { Session } from '../support/server-sessions.ts';
import { openSession, say, spoken, uniqueName } from '../support/server-sessions.ts';

const reply = sse([
  messageStart,
  ...blockEvents(0, { type: 'text', text: '' }, textDeltas('Hello.')),
  ...messageEnd('end_turn'),
]);
let provider: RecordingServer;

async function upstream() {
  const headers = { 'content-type': 'text/event-stream' };
  provider = await startRecordingServer(() => ({ headers, body: reply }));
  return { ANTHILL_UPSTREAM_BASE_URL: provider.url, ANTHILL_UPSTREAM_API_KEY: 'k' };
}

describeRepositories('repositories of sessions', upstream, ({ home, git, server, ...suite }) => {
  const { url, repository, open, errorsOf, run } = suite;
  after(() => provider.close());

  async function limitedTo(hosts: readonly string[], ...resources: RepositoryParams[]): Promise<Session> {
    const { id } = await server.client.beta.environments.create({
      name: `net ${uniqueName()}`,
      config: { type: 'cloud', networking: { type: 'limited', allowed_hosts: [...hosts] } },
    });
    return await openSession(server.client, {}, { environment_id: id, resources });
  }

  const renew = ({ id, resources }: Session, authorization_token: string) => {
    const [resource] = resources;
    assert.ok(resource?.type === 'github_repository');
    const params = { session_id: id, authorization_token };
    return server.client.beta.sessions.resources.update(resource.id, params);
  };

  test('are cloned to their places, with what git knows of their server', async () => {
    await git.commit('/ants/hill', {
      'README.md': 'the hill\n',
      'run.sh': 'echo run\n',
      link: '-> README.md',
    });
    await git.commit('/ants/hill', { 'side.txt': 'aside\n' }, 'side');
    const session = await open(repository('/ants/hill'));
    assert.deepEqual(await errorsOf(session), []);
    const said = await run(
      session,
      'cd hill; cat link; git status -sb; git remote get-url origin; git branch -r; git fsck',
    );
    assert.equal(
      said,
      `the hill\n## main...origin/main\n${url('/ants/hill')}\n  origin/HEAD -> origin/main\n  origin/main\n  origin/side`,
    );
  });

  test('are checked out as was asked for: a branch, a commit, also one that no branch leads to', async () => {
    const first = await git.commit('/ants/nest', { a: '1\n' });
    await git.commit('/ants/nest', { a: '2\n' });
    const side = await git.commit('/ants/nest', { a: '3\n' }, 'feature/side');
    const lost = await git.commit('/ants/nest', { a: '4\n' }, 'lost');
    await git.git('/ants/nest', 'update-ref', '-d', 'refs/heads/lost');
    const at = (name: string, checkout: object) =>
      repository('/ants/nest', { mount_path: `/workspace/${name}/in`, checkout });
    const session = await open(
      at('branch', { type: 'branch', name: 'feature/side' }),
      at('commit', { type: 'commit', sha: first }),
      at('short', { type: 'commit', sha: side.slice(0, 7) }),
      at('lost', { type: 'commit', sha: lost }),
    );
    assert.deepEqual(await errorsOf(session), []);
    const script =
      'for at in branch commit short lost; do cd /workspace/$at/in; cat a; git status -sb | head -1; done';
    assert.equal(
      await run(session, script),
      '3\n## feature/side...origin/feature/side\n1\n## HEAD (no branch)\n3\n## HEAD (no branch)\n4\n## HEAD (no branch)',
    );
  });

  test('that are empty are cloned too', async () => {
    await git.commit('/ants/new', {});
    await git.git('/ants/new', 'update-ref', '-d', 'refs/heads/main');
    const session = await open(repository('/ants/new'));
    assert.deepEqual(await errorsOf(session), []);
    assert.match(await run(session, 'cd new; git status'), /No commits yet/);
  });

  test('are pulled and pushed with the token that nobody inside has, also where the network is limited', async () => {
    const token = 'ghp_secret-of-the-queen-0123456789';
    await git.commit('/queen/secret', { a: 'one\n' });
    git.tokens.set('/queen/secret', [token]);
    const session = await limitedTo([], repository('/queen/secret', { authorization_token: token }));
    assert.deepEqual(await errorsOf(session), []);
    const pushed = await run(
      session,
      `cd secret; git config user.name ant; git config user.email a@b.c; echo two > a; git commit -qam two; git push -q && git log -1 --format=%s origin/main; curl -sS ${url('/ants/hill/info/refs?service=git-upload-pack')}; env; git config --list`,
    );
    assert.match(pushed, /^two\ngit\.test is not among the hosts/);
    assert.equal(await git.git('/queen/secret', 'log', '-1', '--format=%s', 'main'), 'two');
    await git.commit('/queen/secret', { a: 'three\n' });
    assert.equal(await run(session, 'git pull -q; cat a'), 'three');
    assert.ok(
      git.seen.some(({ url, credentials }) => url.includes('receive-pack') && credentials?.endsWith(token)),
    );
    assert.ok(!pushed.includes(token) && !server.output().includes(token));
    assert.deepEqual(filesHolding(home.dataDir, [token]), []);
    const memory = await run(
      session,
      `grep -rsl ${token.slice(0, 12)} /workspace /root /tmp /run /etc /proc/[0-9]*/environ; true`,
    );
    assert.equal(memory, '(no output)');
  });

  test('are missing where a token is wrong, until it is renewed', async () => {
    await git.commit('/queen/vault', { a: 'gold\n' });
    git.tokens.set('/queen/vault', ['right-token', 'newer-token']);
    const theirs = await open(repository('/queen/vault', { authorization_token: 'right-token' }));
    assert.deepEqual(await errorsOf(theirs), []);
    for (const more of [{ authorization_token: 'wrong-token' }, {}]) {
      const session = await open(repository('/queen/vault', more));
      const [error, ...rest] = await errorsOf(session);
      assert.deepEqual(rest, []);
      assert.deepEqual(
        { ...error },
        {
          type: 'repository_authentication_error',
          repository_url: url('/queen/vault'),
          message: `Could not clone ${url('/queen/vault')}: ${'authorization_token' in more ? 'its authorization_token was refused' : 'it wants an authorization_token'}.`,
          retry_status: { type: 'retrying' },
        },
      );
      if (!('authorization_token' in more)) continue;
      assert.equal(await run(session, 'ls vault'), "ls: cannot access 'vault': No such file or directory");
      await renew(session, 'right-token');
      assert.deepEqual(await errorsOf(session), []);
      assert.equal(await run(session, 'cat /workspace/vault/a'), 'gold');
      const fill = `printf 'url=%s\\n\\n' ${url('/queen/vault')} | GIT_TERMINAL_PROMPT=0 git credential fill | sed -n s/^password=//p`;
      const asked = ['/queen/vault', '/ants/hill', '/queen/vault/%2e%2e/hill'].map(
        (path) => `curl -sS --path-as-is -o /dev/null -u "x:$p" "${url(`${path}/info/refs?asked`)}"`,
      );
      await run(session, `p=$(${fill}); ${asked.join('; ')}`);
      const credentials = git.seen.filter((one) => one.url.endsWith('?asked')).map((one) => one.credentials);
      assert.deepEqual(
        credentials.map((text) => text?.replace(/_[0-9a-f]{32}$/, '')),
        ['x:right-token', 'x:anthill_ph', 'x:anthill_ph'],
      );
      git.tokens.set('/queen/vault', ['newer-token']);
      assert.match(await run(session, 'cd /workspace/vault; git pull 2>&1'), /Authentication failed/);
      await renew(session, 'newer-token');
      assert.equal(await run(session, 'git pull -q && echo pulled'), 'pulled');
      git.tokens.set('/queen/vault', ['right-token', 'newer-token']);
    }
  });

  test('that cannot be cloned are told, each in its way, and the session goes on', async () => {
    await git.commit('/ants/odd', { a: '1\n' });
    const statuses = new Map([
      ['/ants/403', 403],
      ['/ants/404', 404],
      ['/ants/500', 500],
    ]);
    git.guard((request, response) => {
      const status = [...statuses].find(([path]) => request.url?.startsWith(`${path}/`))?.[1];
      if (request.url?.startsWith('/ants/away/'))
        return void response.writeHead(302, { location: 'https://other.test/ants/away' }).end() === undefined;
      if (request.url?.startsWith('/ants/page/')) return void response.end('<html>') === undefined;
      if (status === undefined) return false;
      response.writeHead(status).end('no');
      return true;
    });
    const odd = (name: string, checkout: object) =>
      repository('/ants/odd', { mount_path: `/workspace/${name}`, checkout });
    const session = await open(
      repository('/ants/403'),
      repository('/ants/404'),
      repository('/ants/500'),
      repository('/ants/away'),
      repository('/ants/page'),
      odd('b', { type: 'branch', name: 'nowhere' }),
      odd('c', { type: 'branch', name: '--upload-pack=touch' }),
      odd('d', { type: 'commit', sha: '0123456789abcdef' }),
      odd('e', { type: 'commit', sha: 'main~0 -f' }),
    );
    const events = await say(server.client, session.id, 'hello');
    git.guard(() => false);
    assert.notEqual(spoken(events), '');
    assert.deepEqual(
      errorsIn(events).map((error) => [
        error.type.slice(11, -6),
        error.message.replace(/^.*\/ants\/\w+: /, ''),
      ]),
      [
        ['forbidden', 'access is forbidden.'],
        ['not_found', 'it does not exist, or its authorization_token may not see it.'],
        ['clone', 'its server answered with HTTP 500.'],
        ['clone', 'its server sends us elsewhere.'],
        ['clone', 'its server does not speak git.'],
        ['checkout', 'it has no branch nowhere.'],
        ['checkout', 'it has no branch --upload-pack=touch.'],
        ['checkout', 'it has no commit 0123456789abcdef.'],
        ['checkout', 'main~0 -f is not the name of a commit.'],
      ],
    );
  });

  test('bring skills along', async () => {
    const skill = (name: string) => `---\nname: ${name}\ndescription: How to ${name}.\n---\nDig.\n`;
    await git.commit('/ants/skilled', {
      '.claude/skills/dig/SKILL.md': skill('dig'),
      '.claude/skills/dig/deeper.md': 'Deeper.\n',
      '.claude/skills/deep/er/SKILL.md': skill('deep'),
      '.claude/skills/nameless/SKILL.md': 'Nothing.\n',
      '.claude/skills/linked/SKILL.md': '-> /etc/passwd',
      'sub/.claude/skills/carry/SKILL.md': skill('carry'),
    });
    const resources = [repository('/ants/skilled', { mount_path: '/workspace/code' })];
    const session = await openSession(server.client, { model: 'claude-opus-5-5' }, { resources });
    assert.deepEqual(await errorsOf(session), []);
    const asked = provider.requests.at(-1)?.body as { system: { text: string }[] };
    const prompt = asked.system.map(({ text }) => text).join('\n\n');
    assert.match(prompt, /- dig \(\/workspace\/code\/\.claude\/skills\/dig\/SKILL\.md\): How to dig\./);
    assert.equal(prompt.match(/SKILL\.md\)/g)?.length, 1);
    assert.ok(prompt.includes(`- /workspace/code: ${url('/ants/skilled')}`));
  });
});
