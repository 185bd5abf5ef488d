import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { ServerProcess } from './server.ts';
import { contents } from './server-contents.ts';
import type { Expected, Sent } from './server-http.ts';
import { assertRefused, call } from './server-http.ts';
import type { Session } from './server-sessions.ts';
import { openSession, say } from './server-sessions.ts';
import { describeServer } from './server-suite.ts';

/** A request that is refused, given a session with one turn behind it. */
export type Refused = readonly [name: string, sent: (session: Session) => Sent, expected: Expected];

export function bad(message: string | RegExp, errorCode?: string): Expected {
  const expected = { status: 400, type: 'invalid_request_error', message };
  return errorCode === undefined ? expected : { ...expected, errorCode };
}

export function absent(message: string | RegExp, errorCode?: string): Expected {
  return { ...bad(message, errorCode), status: 404, type: 'not_found_error' };
}

/** Counted in characters, not bytes. */
export const text = (length: number) => 'é'.repeat(length);

export const hello = { type: 'user.message', content: [{ type: 'text', text: 'hello' }] };

/** Refused as expected, and nothing was written. */
export async function assertNothingDone(
  server: ServerProcess,
  { id }: Session,
  { sent, expected }: { readonly sent: Sent; readonly expected: Expected },
): Promise<void> {
  const earlier = await contents(server, [id]);
  assertRefused(await call(server, sent), expected);
  assert.deepEqual(await contents(server, [id]), earlier);
}

/** Tests that each request is refused as expected by a real server, and that nothing was written. */
export function describeRefusals(name: string, tables: Readonly<Record<string, readonly Refused[]>>): void {
  describeServer(name, ({ server, client }) => {
    let session: Session;
    before(async () => {
      session = await openSession(client);
      await say(client, session.id, 'hello');
    });

    for (const [noun, cases] of Object.entries(tables)) {
      describe(noun, () => {
        for (const [title, sent, expected] of cases) {
          test(title, () => assertNothingDone(server, session, { sent: sent(session), expected }));
        }
      });
    }
  });
}
