import { createHash } from 'node:crypto';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { QueryResult } from 'pg';
import { Client, DatabaseError } from 'pg';
import {
  databaseAnswerMsMax,
  databaseKeepAliveMs,
  databaseRedialMs,
  lineBeatMs,
  lineBeatsMax,
  lineCloseMsMax,
  notificationBytesMax,
  notificationItemsMax,
  unsaidMessagesMax,
} from '../../domain/limits.ts';

const channel = 'anthill';

/** A connection that stays: it hears what other servers say, says what this one did, and is its sign of life. */
export type Line = {
  /** Told to every other server, soon, several at once; forgotten while the line is down. Any JSON. */
  say(message: unknown): void;
  /** Likewise, unless much is still to be said: whether it will be. */
  sayIfQuiet(message: unknown): boolean;
  /** The database does not know of this connection any more, whether that was heard here or not: it is opened again. */
  renew(): void;
  close(): Promise<void>;
};

export type LineOptions = {
  /** Not through a pooler that shares connections between clients. */
  readonly url: string;
  /** Of this server. */
  readonly id: string;
  readonly heard: (message: unknown) => void;
  /** The line is up once more: what was said meanwhile was not heard. */
  readonly reopened: () => void;
  /** Between two questions whether the database is still there. */
  readonly beatMs?: number;
};

/** The number of the advisory lock that a server holds while it lives, in decimal. */
export function lifeLockOf(id: string): string {
  return createHash('sha256').update(`anthill server ${id}`).digest().readBigInt64BE().toString();
}

/**
 * When this machine falls silent the database notices within seconds, and with it the other servers. Waiting for a lock
 * is interrupted more often than a connection counts as broken.
 */
const settings = `set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 3;
  set tcp_user_timeout = 11000; set lock_timeout = ${databaseAnswerMsMax / 2}`;

/**
 * Resolves once it is open; rejects when it cannot be opened at all. Later it is opened again by itself: when it ended,
 * and when the database has not answered on it for `lineBeatsMax` beats.
 */
export async function openLine(options: LineOptions): Promise<Line> {
  const { url, id, heard, reopened, beatMs = lineBeatMs } = options;
  const unsaid: string[] = [];
  let closing = false;
  let client: Client | null = null;
  let hangUp = () => {};
  let saying = false;

  async function dial(): Promise<void> {
    const socket = new Socket();
    hangUp = () => socket.destroy();
    const dialled = new Client({
      connectionString: url,
      application_name: `anthill ${id}`,
      keepAlive: true,
      keepAliveInitialDelayMillis: databaseKeepAliveMs,
      connectionTimeoutMillis: databaseRedialMs * 20,
      stream: () => socket,
    });
    dialled.on('error', () => undefined);
    dialled.on('end', () => void redial(dialled));
    dialled.on('notification', ({ payload }) => hear(payload ?? '[]'));
    try {
      await dialled.connect();
      await ask(dialled, settings);
      await holdLifeLock(dialled);
      await ask(dialled, `set lock_timeout = 0; listen ${channel}`);
    } catch (cause) {
      // Nobody will hear what is said on it.
      socket.destroy();
      throw cause;
    }
    client = dialled;
    keepBeating(dialled, hangUp);
  }

  /** As long as the database has not noticed that an earlier connection is gone, that one holds it: we are next. */
  async function holdLifeLock(dialled: Client): Promise<void> {
    for (;;) {
      try {
        await ask(dialled, `select pg_advisory_lock(${lifeLockOf(id)})`);
        return;
      } catch (cause) {
        if (!isLockTimeout(cause)) throw cause;
      }
    }
  }

  /**
   * A way that fell silent ends no connection, so we end it. Beats are counted, not time: a process that was asleep
   * itself first hears what came meanwhile.
   */
  function keepBeating(dialled: Client, end: () => void): void {
    let unanswered = 0;
    const beating = setInterval(() => {
      if (unanswered >= lineBeatsMax) return end();
      unanswered += 1;
      if (unanswered > 1) return;
      const answered = dialled.query('select 1').then(() => {
        unanswered = 0;
      });
      answered.catch(() => undefined);
    }, beatMs);
    beating.unref();
    dialled.once('end', () => clearInterval(beating));
  }

  async function redial(lost: Client): Promise<void> {
    if (lost !== client || closing) return;
    client = null;
    unsaid.length = 0;
    while (!closing && client === null) {
      await sleep(databaseRedialMs);
      if (!closing) await dial().catch(() => undefined);
    }
    if (!closing) reopened();
  }

  function hear(payload: string): void {
    const { by, said } = JSON.parse(payload) as { readonly by: string; readonly said: readonly unknown[] };
    if (by !== id) for (const message of said) heard(message);
  }

  /** What comes while one notification is on its way goes with the next. */
  async function speak(): Promise<void> {
    if (saying) return;
    saying = true;
    while (client !== null && unsaid.length > 0) {
      const said = takeSome(unsaid);
      const payload = `{"by":${JSON.stringify(id)},"said":[${said.join(',')}]}`;
      await client.query('select pg_notify($1, $2)', [channel, payload]).catch(() => undefined);
    }
    saying = false;
  }

  function say(message: unknown): void {
    if (client === null) return;
    unsaid.push(JSON.stringify(message));
    void speak();
  }

  await dial();
  return {
    say,
    sayIfQuiet(message) {
      const isQuiet = client !== null && unsaid.length < unsaidMessagesMax;
      if (isQuiet) say(message);
      return isQuiet;
    },
    renew() {
      if (client !== null) hangUp();
    },
    async close() {
      closing = true;
      const ended = client?.end().catch(() => undefined);
      // Nobody may be there to say goodbye.
      await Promise.race([ended, sleep(lineCloseMsMax, null, { ref: false })]);
      hangUp();
    },
  };
}

function isLockTimeout(cause: unknown): boolean {
  return cause instanceof DatabaseError && cause.code === '55P03';
}

/** For what is answered at once, where somebody is there to answer. */
function ask(client: Client, text: string): Promise<QueryResult<Record<string, unknown>>> {
  const asked = { text, query_timeout: databaseAnswerMsMax };
  return client.query(asked);
}

/** As many as one notification can carry; one that is too large alone is left out. */
function takeSome(unsaid: string[]): string[] {
  const some: string[] = [];
  let bytes = 0;
  while (unsaid.length > 0 && some.length < notificationItemsMax) {
    const size = Buffer.byteLength(unsaid[0] ?? '') + 1;
    if (bytes + size > notificationBytesMax && some.length > 0) break;
    const next = unsaid.shift();
    if (next === undefined || size > notificationBytesMax) continue;
    some.push(next);
    bytes += size;
  }
  return some;
}
