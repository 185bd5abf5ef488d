import type { EventId, ResourceId, SessionId, ThreadId } from '../../base/ids.ts';
import type { ClientEvent, SessionEvent } from '../../protocol/events.ts';
import type { SessionErrorObject } from '../../protocol/session-errors.ts';
import type { SessionResource } from '../../protocol/session-resources.ts';
import type { SessionAgent, SessionBudget } from '../../protocol/sessions.ts';
import type { ModelUsage, WireBlock } from '../model.ts';

/**
 * One immutable line of a session's log. What the API calls an event is `emitted` (the server's) or
 * `accepted` (a client's); the rest is internal: it makes the fold complete and is never shown.
 *
 *   accepted(event, processed_at null) … consumed(event_id, processed_at)   a queued client event
 *   accepted(event, processed_at set)                                        one processed on arrival
 */
export type Entry =
  | { readonly kind: 'created'; readonly session: SessionBirth }
  | { readonly kind: 'configured'; readonly changes: SessionChanges }
  | { readonly kind: 'attached'; readonly resource: SessionResource; readonly atUs: number }
  | { readonly kind: 'detached'; readonly resourceId: ResourceId; readonly atUs: number }
  /** A repository got a new token, which is kept outside the log. */
  | { readonly kind: 'renewed'; readonly resourceId: ResourceId; readonly atUs: number }
  | { readonly kind: 'accepted'; readonly event: ClientEvent }
  | { readonly kind: 'consumed'; readonly eventId: EventId; readonly processedAt: string }
  /** `byProvider`: of a call that the model's provider made itself: nobody runs or answers it any more. */
  | { readonly kind: 'emitted'; readonly event: SessionEvent; readonly byProvider?: true }
  | { readonly kind: 'replied'; readonly reply: ReplyRecord }
  /** Tool results among the first `items` of the conversation are no longer shown to the model. */
  | { readonly kind: 'cleared'; readonly items: number }
  | { readonly kind: 'compacted'; readonly compaction: Compaction }
  /** The model refused its request as too long: its window is full, whatever was counted. */
  | { readonly kind: 'overflowed' }
  | { readonly kind: 'started'; readonly toolUseId: EventId }
  | { readonly kind: 'delayed'; readonly untilUs: number }
  | { readonly kind: 'archived'; readonly atUs: number };

export type SessionBirth = {
  readonly id: SessionId;
  readonly threadId: ThreadId;
  readonly environmentId: string;
  /** In order of precedence. Logs from before vaults existed do not have it. */
  readonly vaultIds?: readonly string[];
  /** Logs from before resources existed do not have it. */
  readonly resources?: readonly SessionResource[];
  /** Workers of its environment run its sandbox tools. Absent: this server does. */
  readonly selfHosted?: true;
  /** The deployment that started it; absent when a client did. */
  readonly deploymentId?: string;
  /** What was found wrong then; absent when nothing was. */
  readonly startErrors?: readonly SessionErrorObject[];
  readonly agent: SessionAgent;
  readonly title: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly budget: SessionBudget | null;
  readonly createdAtUs: number;
};

export type SessionChanges = {
  readonly title?: string | null;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly agent?: SessionAgent;
  readonly budget?: SessionBudget | null;
};

/** A model's reply as it came, and the event each of its tool calls became. */
export type ReplyRecord = {
  readonly requestId: EventId;
  readonly content: readonly WireBlock[];
  readonly calls: readonly CallRecord[];
  readonly usage: ModelUsage;
  readonly servedBy: string;
  readonly stopReason: string;
  /** List price at the time, integer micro-cents; `null`: the model has none. */
  readonly costMicroCents: number | null;
};

/** The first `items` of the conversation gave way to a summary that the model wrote. */
export type Compaction = Pick<ReplyRecord, 'usage' | 'servedBy' | 'costMicroCents'> & {
  readonly items: number;
  readonly summary: string;
};

/** `malformed`: the model's input was not JSON, so the call is answered with an error and never run. */
export type CallRecord = {
  readonly eventId: EventId;
  readonly modelToolUseId: string;
  readonly malformed?: true;
};

export type LogRecord = { readonly seq: number; readonly entry: Entry };
