import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createRepositoryTokens } from './repository-tokens.ts';
import { createSeal, Unsealable } from './sealing.ts';

const key = new Uint8Array(32).fill(7);
const place = { sessionId: 'sesn_1', resourceId: 'sesrsc_1', field: 'authorization_token' } as const;

describe('tokens of repositories', () => {
  const kept = new Map([['sesn_1 sesrsc_1', createSeal(key)('ghp_1', place)]]);
  const tokens = createRepositoryTokens({
    key,
    read: async (sessionId, resourceId) => kept.get(`${sessionId} ${resourceId}`) ?? null,
  });

  test('are opened as they are now, for their session and repository alone', async () => {
    assert.equal(await tokens.tokenOf('sesn_1', 'sesrsc_1'), 'ghp_1');
    assert.equal(await tokens.tokenOf('sesn_1', 'sesrsc_2'), null);
    kept.set('sesn_2 sesrsc_1', kept.get('sesn_1 sesrsc_1') ?? '');
    await assert.rejects(tokens.tokenOf('sesn_2', 'sesrsc_1'), Unsealable);
    kept.set('sesn_1 sesrsc_1', createSeal(key)('ghp_2', place));
    assert.equal(await tokens.tokenOf('sesn_1', 'sesrsc_1'), 'ghp_2');
  });

  test('have placeholders of their own, the same for ever', () => {
    const placeholder = tokens.placeholderOf('sesn_1', 'sesrsc_1');
    assert.match(placeholder, /^anthill_ph_[0-9a-f]{32}$/);
    assert.equal(tokens.placeholderOf('sesn_1', 'sesrsc_1'), placeholder);
    assert.notEqual(tokens.placeholderOf('sesn_2', 'sesrsc_1'), placeholder);
    assert.notEqual(tokens.placeholderOf('sesn_1', 'sesrsc_2'), placeholder);
  });
});
