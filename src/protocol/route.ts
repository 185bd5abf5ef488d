import type { z } from 'zod';
import type { Form } from './form.ts';

/**
 * One line of the route table: everything the door (`http/`), the command line (`cli/`), the documents
 * and the tests need to know about an endpoint. The table itself is `routes.ts`.
 */
export type Route = {
  /** Resource path as in the SDK: `beta.sessions.events` is `['beta', 'sessions', 'events']`. The command line writes it in kebab-case. */
  readonly resource: readonly string[];
  /** SDK method name and command: `create`, `retrieve`, `list`, `update`, `archive`, `delete`, `send`, `stream`. */
  readonly action: string;
  readonly summary: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Path template; parameters are `:snake_case`, in the order of the command line's positional ids. */
  readonly path: string;
  /** Which beta value unlocks the endpoint; `null` needs none. */
  readonly beta: 'managed-agents' | 'agent-memory' | 'webhooks' | null;
  /** Wording of validation messages, see the table "Message style by resource" of the specification. */
  readonly messages: 'managed' | 'environments';
  readonly query: z.ZodObject | null;
  /** The value that clients sent while the endpoint was a beta; theirs may be an older shape. */
  readonly olderBeta?: string;
  /** Instead of `query`, for older clients, see `isOlderClient`. */
  readonly olderQuery?: z.ZodObject;
  readonly body: z.ZodType | null;
  /** The body is a multipart form instead. */
  readonly form: Form | null;
  readonly response: z.ZodType;
  readonly paging: Paging | null;
  /** The response is a server-sent event stream of `response` objects. */
  readonly streams: boolean;
  /** The response is a file: `response` is `fileContent`. */
  readonly downloads: boolean;
};

export type Paging = {
  /** `cursor`: `{data, next_page}`; `cursor-both`: also `prev_page`; `ids`: `{data, has_more, first_id, last_id}`; `report`: `{data, next_page, has_more}`. */
  readonly kind: 'cursor' | 'cursor-both' | 'ids' | 'report';
  readonly limitDefault: number;
  readonly limitMax: number;
};
