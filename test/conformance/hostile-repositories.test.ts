import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { describeRepositories } from '../support/repository-suite.ts';
import type { Session } from '../support/server-sessions.ts';
import { atRest, collect, interrupt, message, send } from '../support/server-sessions.ts';

const nothing = async () => ({});

describeRepositories(
  'repositories that mean no good, and bad moments',
  nothing,
  ({ home, git, server, ...suite }) => {
    const { repository, open, errorsOf, run, startAgain } = suite;

    const fetches = (path: string) =>
      git.seen.filter(({ method, url }) => method === 'POST' && url.startsWith(`${path}/git-upload-pack`))
        .length;

    /** Lets no pack out any more: resolves with the first answer that waits. */
    function holdPacks(path: string): Promise<ServerResponse> {
      return new Promise((resolve) =>
        git.guard((request, response) => {
          if (request.method !== 'POST' || !request.url?.startsWith(`${path}/`)) return false;
          resolve(response);
          return true;
        }),
      );
    }

    async function renewed({ id, resources }: Session): Promise<void> {
      const [resource] = resources;
      assert.ok(resource?.type === 'github_repository');
      await server.client.beta.sessions.resources.update(resource.id, {
        session_id: id,
        authorization_token: 'right',
      });
    }

    test('a tree that would write into .git is refused by git', async () => {
      await git.commit('/evil/tree', { a: '1\n' });
      await git.plant('/evil/tree', [{ mode: '120000', name: '.git', text: '/workspace' }]);
      const session = await open(repository('/evil/tree'));
      const [error] = await errorsOf(session);
      assert.equal(error?.type, 'repository_clone_error');
      assert.match(error?.message ?? '', /git says: invalid path/);
      assert.deepEqual(readdirSync(join(home.dataDir, 'sessions', session.id, 'workspace')), []);
    });

    test('hooks, filters, submodules and links of a repository do nothing when it is cloned', async () => {
      const touch = 'touch /workspace/touched';
      await git.commit('/evil/full', {
        '.gitmodules':
          '[submodule "s"]\n\tpath = s\n\turl = file:///etc\n\tupdate = !touch /workspace/touched\n',
        '.gitattributes': '* filter=evil diff=evil\n',
        '.gitconfig': `[filter "evil"]\n\tsmudge = ${touch}\n[core]\n\tfsmonitor = ${touch}\n`,
        'hooks/post-checkout': `#!/bin/sh\n${touch}\n`,
        'objects/keep': '',
        'refs/keep': '',
        HEAD: 'ref: refs/heads/main\n',
        config: `[core]\n\tfsmonitor = ${touch}\n\thooksPath = hooks\n`,
        away: '-> ../../../../../../etc/shadow',
      });
      const session = await open(repository('/evil/full'));
      assert.deepEqual(await errorsOf(session), []);
      assert.equal(
        await run(session, 'ls /workspace; readlink full/away; ls -A full/s 2>&1'),
        "full\n../../../../../../etc/shadow\nls: cannot access 'full/s': No such file or directory",
      );
    });

    test('what the agent has where a repository belongs stays, and its links lead nowhere else', async () => {
      await git.commit('/late/one', { a: 'cloned\n' });
      git.tokens.set('/late/one', ['right']);
      const late = (mount_path: string) =>
        repository('/late/one', { mount_path, authorization_token: 'wrong' });
      const session = await open(late('/workspace/link/one'));
      assert.equal((await errorsOf(session))[0]?.type, 'repository_authentication_error');
      await run(session, 'ln -s ../../../../../../tmp link; mkdir -p /tmp/one; echo mine > /tmp/one/a');
      await renewed(session);
      const [error] = await errorsOf(session);
      assert.match(error?.message ?? '', /it cannot be put at \/workspace\/link\/one\.$/);
      assert.equal(
        await run(session, 'rm link; mkdir -p link/one; echo mine > link/one/a; cat /tmp/one/a'),
        'mine',
      );
      assert.match(
        (await errorsOf(session))[0]?.message ?? '',
        /there is something else at \/workspace\/link\/one\.$/,
      );
      assert.equal(await run(session, 'cat link/one/a; rm link/one/a'), 'mine');
      assert.deepEqual(await errorsOf(session), []);
      assert.equal(await run(session, 'cat link/one/a'), 'cloned');
    });

    test('nobody gets what was fetched for others and is no longer there', async () => {
      await git.commit('/shared/one', { a: '1\n' });
      const gone = await git.commit('/shared/one', { a: 'secret\n' }, 'gone');
      const [first, second] = [await open(repository('/shared/one')), await open(repository('/shared/one'))];
      assert.deepEqual([...(await errorsOf(first)), ...(await errorsOf(second))], []);
      assert.equal(fetches('/shared/one') > 0 && (await run(first, `cd one; git show ${gone}:a`)), 'secret');
      const before = fetches('/shared/one');
      const third = await open(repository('/shared/one'));
      assert.deepEqual(await errorsOf(third), []);
      assert.equal(fetches('/shared/one'), before, 'what did not change is not fetched again');
      await git.git('/shared/one', 'update-ref', '-d', 'refs/heads/gone');
      const later = await open(repository('/shared/one'));
      assert.deepEqual(await errorsOf(later), []);
      assert.equal(await run(later, `cd one; git cat-file -e ${gone} 2> /dev/null || echo gone`), 'gone');
    });

    test('two sessions that want one repository at once share one fetch', async () => {
      await git.commit('/busy/one', { a: '1\n' });
      const sessions = await Promise.all([1, 2, 3].map(() => open(repository('/busy/one'))));
      const errors = await Promise.all(sessions.map((session) => errorsOf(session)));
      assert.deepEqual(errors.flat(), []);
      assert.equal(git.seen.filter(({ url }) => url.startsWith('/busy/one/info/refs')).length, 4);
    });

    test('a server that is killed while it clones begins anew, and one that is not leaves what is there alone', async () => {
      await git.commit('/slow/one', { a: '1\n' });
      const held = holdPacks('/slow/one');
      const session = await open(repository('/slow/one'));
      await send(server.client, session.id, message('run: cat one/a'));
      await held;
      await server.kill();
      git.guard(() => false);
      await startAgain();
      assert.deepEqual(await errorsOf(session), []);
      assert.equal(await run(session, 'cat one/a; echo mine > one/a; rm -rf one/.git'), '1');
      await server.kill();
      await startAgain();
      assert.deepEqual(await errorsOf(session), []);
      assert.equal(await run(session, 'cat one/a'), 'mine');
    });

    test('an interrupt does not wait for a clone, nor does the end of a session', async () => {
      await git.commit('/stuck/one', { a: '1\n' });
      const held = holdPacks('/stuck/one');
      const session = await open(repository('/stuck/one'));
      const { client } = server;
      await send(client, session.id, message('hello'));
      await held;
      await collect(client, session.id, () => send(client, session.id, interrupt));
      // The message had not been looked at; its turn comes behind the interrupt.
      await atRest(client, session.id);
      await client.beta.sessions.delete(session.id);
      git.guard(() => false);
      const other = await open(repository('/stuck/one'));
      assert.deepEqual(await errorsOf(other), []);
      assert.ok(!existsSync(join(home.dataDir, 'sessions', session.id)));
    });

    test('the server has logged no error', () => {
      assert.doesNotMatch(server.output(), /"level":"error"|repository\.not_cloned/);
    });
  },
);
