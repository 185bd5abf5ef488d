import assert from 'node:assert/strict';
import { z } from 'zod';
import type { Route } from '../../src/protocol/route.ts';
import { routes } from '../../src/protocol/routes.ts';
import type { RawAnswer } from './raw-client.ts';
import type { Mutant } from './server-mutants.ts';

/** Which types of errors go with which status. */
const typesOf: Readonly<Record<number, readonly string[]>> = {
  400: ['invalid_request_error'],
  401: ['authentication_error'],
  403: ['permission_error'],
  404: ['not_found_error'],
  405: ['invalid_request_error'],
  409: [
    'conflict_error',
    'invalid_request_error',
    'memory_path_conflict_error',
    'memory_precondition_failed_error',
  ],
  413: ['request_too_large'],
};

const errorShape = z.strictObject({
  type: z.literal('error'),
  error: z.strictObject({
    type: z.string(),
    message: z.string().min(1),
    details: z.looseObject({ error_code: z.string() }).optional(),
    conflicting_memory_id: z.string().optional(),
    conflicting_path: z.string().optional(),
  }),
  request_id: z.string(),
});

/** An answer is what the schema of its route says, or an error of the one shape there is; never a failure. */
export function assertInOrder(mutant: Mutant, answer: RawAnswer): void {
  if (isRoot(mutant) && answer.status === 200) return;
  const requestId = String(answer.headers['request-id']);
  assert.match(requestId, /^req_\w+$/);
  if (answer.status !== 200) assertError(mutant, answer, requestId);
  else if (mutant.isRouted && !isOlder(mutant)) assertAnswer(routes[mutant.key], answer);
}

/** Who says that they are an older client may get the shape of then. */
function isOlder({ key, headers }: Mutant): boolean {
  const { olderBeta }: Route = routes[key];
  return olderBeta !== undefined && (headers['anthropic-beta'] ?? '').includes(olderBeta);
}

/** Dots in a path can lead to the page that says what this is. */
function isRoot({ method, path }: Mutant): boolean {
  return /^(GET|HEAD)$/.test(method) && new URL(path, 'http://localhost').pathname === '/';
}

function assertAnswer(route: Route, { text }: RawAnswer): void {
  if (route.downloads || text === null) return;
  const answer = JSON.parse(text);
  const items: readonly unknown[] = route.paging === null ? [answer] : answer.data;
  for (const item of items) route.response.parse(item);
}

function assertError({ method }: Mutant, { status, headers, text }: RawAnswer, requestId: string): void {
  assert.ok(status in typesOf, `${status} ${text}`);
  assert.equal(headers['content-type'], 'application/json');
  if (method === 'HEAD') {
    assert.equal(text, '');
    return;
  }
  const { error, request_id } = errorShape.parse(JSON.parse(text ?? ''));
  assert.equal(request_id, requestId);
  assert.ok(typesOf[status]?.includes(error.type), `${status} ${text}`);
}

/** A request in one line, for whoever has to repeat it. */
export function described({ method, path, headers, body, diesAfter }: Mutant): string {
  const text = body === null ? '' : Buffer.from(body).toString().slice(0, 2000);
  return `${method} ${path} ${JSON.stringify(headers)} ${text}${diesAfter === null ? '' : ` (gone after ${diesAfter})`}`;
}
