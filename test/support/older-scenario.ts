import assert from 'node:assert/strict';
import type Anthropic from '@anthropic-ai/sdk';
import type { SdkVersion } from './older-clients.ts';
import { all } from './sdk-calls.ts';

/** Good calls of one client, for versions that have the method that is needed. */
export type Scenario = readonly [
  name: string,
  needs: string,
  run: (client: Anthropic, version: SdkVersion) => Promise<void>,
];

/** Several pages of one list: the SDK follows the cursors by itself. */
export async function assertPaged<T extends { readonly id: string }>(
  list: (limit: number) => AsyncIterable<T>,
  ids: readonly string[],
): Promise<void> {
  assert.ok(ids.length > 2);
  for (const limit of [1, 2, 100]) {
    const seen = (await all(list(limit))).map(({ id }) => id).filter((id) => ids.includes(id));
    assert.deepEqual(seen, ids, `${limit} a page`);
  }
}
