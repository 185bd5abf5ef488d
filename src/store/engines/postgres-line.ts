import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import {
  databaseKeepAliveMs,
  databaseRedialMs,
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
};

/** The number of the advisory lock that a server holds while it lives, in decimal. */
export function lifeLockOf(id: string): string {
  return createHash('sha256').update(`anthill server ${id}`).digest().readBigInt64BE().toString();
}

/** Resolves once it is open; rejects when it cannot be opened at all. Later it is opened again by itself. */
export async function openLine(options: LineOptions): Promise<Line> {
  const { url, id, heard, reopened } = options;
  const unsaid: string[] = [];
  let closing = false;
  let client: Client | null = null;
  let saying = false;

  async function dial(): Promise<Client> {
    const dialled = new Client({
      connectionString: url,
      application_name: `anthill ${id}`,
      keepAlive: true,
      keepAliveInitialDelayMillis: databaseKeepAliveMs,
      connectionTimeoutMillis: databaseRedialMs * 20,
    });
    dialled.on('error', () => undefined);
    dialled.on('end', () => void redial(dialled));
    dialled.on('notification', ({ payload }) => hear(payload ?? '[]'));
    await dialled.connect();
    // When this machine falls silent the database notices within seconds, and with it the other servers.
    await dialled.query(
      'set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 3',
    );
    await dialled.query(`select pg_advisory_lock(${lifeLockOf(id)})`);
    await dialled.query(`listen ${channel}`);
    client = dialled;
    return dialled;
  }

  async function redial(lost: Client): Promise<void> {
    if (lost !== client || closing) return;
    client = null;
    unsaid.length = 0;
    while (!closing && client === null) {
      await sleep(databaseRedialMs);
      await dial().catch(() => undefined);
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
      if (client === null) return;
      const lost = client;
      void lost.end().catch(() => undefined);
      void redial(lost);
    },
    async close() {
      closing = true;
      await client?.end().catch(() => undefined);
    },
  };
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
