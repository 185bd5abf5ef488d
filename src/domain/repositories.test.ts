import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { repositoryUrlOf } from '../protocol/session-resources.ts';
import { repositoryError, repositoryPlace, statusProblem } from './repositories.ts';

describe('the server of a repository', () => {
  for (const [status, hasToken, type] of [
    [401, true, 'repository_authentication_error'],
    [401, false, 'repository_authentication_error'],
    [403, true, 'repository_forbidden_error'],
    [404, true, 'repository_not_found_error'],
    [410, true, 'repository_not_found_error'],
    [500, true, 'repository_clone_error'],
    [204, true, 'repository_clone_error'],
  ] as const)
    test(`that answers ${status} ${hasToken ? 'to a token' : 'to nobody'} makes a ${type}`, () => {
      const problem = statusProblem(status, hasToken);
      assert.ok(problem);
      const { message, ...error } = repositoryError('https://github.com/ants/hill', problem);
      assert.deepEqual(error, {
        type,
        repository_url: 'https://github.com/ants/hill',
        retry_status: { type: 'retrying' },
      });
      assert.match(message, /^Could not clone https:\/\/github\.com\/ants\/hill: .*[^.]\.$/);
    });

  test('that answers 200 makes no problem', () => assert.equal(statusProblem(200, true), null));

  test('has the port of the URL, and the path with and without .git', () => {
    assert.deepEqual(repositoryPlace('https://git.test:8443/ants/hill'), {
      host: 'git.test',
      port: 8443,
      paths: ['/ants/hill', '/ants/hill.git'],
    });
    assert.equal(repositoryPlace('https://github.com/ants/hill').port, 443);
  });
});

describe('the URL of a repository', () => {
  for (const url of [
    'https://GIT.test/ants/hill',
    'https://git.test:443/ants/hill',
    'https://git.test:0/ants/hill',
    'https://git.test:99999/ants/hill',
    'https://127.1/ants/hill',
    'https://a..b:1/x/..',
    'https://git.test/a/b/c',
    'https://git.test/-a/b',
    'http://git.test/ants/hill',
    'https://me@git.test/ants/hill',
  ])
    test(`is not ${url}`, () => assert.equal(repositoryUrlOf(url), null));
});
