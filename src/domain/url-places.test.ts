import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isWithin } from './url-places.ts';

const place = { host: 'git.test', port: 443, paths: ['/ants/hill', '/ants/hill.git'] };

describe('a request to a place', () => {
  for (const target of [
    '/ants/hill',
    '/ants/hill.git/info/refs?service=git-upload-pack',
    '/ants/hill/git-receive-pack',
    '/ants/hill.git/info/lfs/objects/batch',
    '/ants/hill?a=/../b',
  ])
    test(`${target} is within`, () => assert.ok(isWithin(place, 443, target)));

  for (const target of [
    '/ants/hills',
    '/ants/hill.gitx',
    '/ants/hill/../nest',
    '/ants/hill/./a',
    '/ants/hill/%2e%2e/nest',
    '/ants/hill/..%2fnest',
    '/ants/hill//nest',
    '/ants/hill\\..\\nest',
    '//ants/hill',
    'https://git.test/ants/hill',
    '/Ants/hill',
    '/',
    '',
    '*',
  ])
    test(`${target} is not`, () => assert.ok(!isWithin(place, 443, target)));

  test('on another port is not', () => assert.ok(!isWithin(place, 8443, '/ants/hill')));
});
