import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from './client.ts';
import { createClient } from './client.ts';
import type { PeerProcess } from './peer-process.ts';
import { anthillCommand, startPeer } from './peer-process.ts';
import type { Server } from './processes.ts';
import { startFloor, startServer } from './processes.ts';
import type { Row, Samples } from './statistics.ts';
import { measure, rowOf, table, together } from './statistics.ts';
import { message, sessionsOf } from './stream-sessions.ts';
import type { Turns } from './turns.ts';
import { lanesOfRuns, slice, slices, titleOf, warmTurns } from './turns.ts';

/** Any name will do for the endpoint: there is one model behind it. */
const anyModel = 'claude-opus-5-5';
/** Some servers want one, the same for both. */
const system = 'You are an assistant in a benchmark.';
/** For the slowest slice of turns there is: 256 cold sandboxes take a quarter of a minute for each. */
const sliceMsMax = 10 * 60_000;
/** All tools of a set are on, here; some servers have none but those that are named. */
const handy = { type: 'agent_toolset_20260401', configs: [{ name: 'bash', enabled: true }] };
const tools = { text: [], tool: [handy] };
type Text = keyof typeof tools;

/** One of the two that are compared. */
type Side = {
  readonly name: string;
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly model: string;
  /** The type of the event that ends a turn, when it is not `session.status_idle`. */
  readonly endOfTurn?: string | undefined;
  hasEnded(): boolean;
};

/**
 * Turns of this server beside those of another one, whose checkout `BENCH_PEER` names: the same model, client and
 * counts for both, in turns. Without it nothing happens. What the peer cannot do is said, and the rest goes on.
 */
export async function benchPeer(directory: string): Promise<void> {
  const checkout = process.env['BENCH_PEER'];
  if (!checkout) return;
  const floor = await startFloor('floor-model.ts');
  let peer: PeerProcess | null = null;
  try {
    peer = await startPeer({
      checkout: resolve(checkout),
      command: process.env['BENCH_PEER_COMMAND'] || anthillCommand,
      directory: join(directory, 'peer'),
      modelUrl: floor.baseUrl,
    });
  } catch (cause) {
    console.log(`\nThe peer did not start: ${sentenceOf(cause)}`);
  }
  if (peer) {
    await besidePeer(directory, floor, peer);
    await peer.stop();
  }
  await floor.stop();
}

async function besidePeer(directory: string, floor: Server, peer: PeerProcess): Promise<void> {
  const server = await startServer(join(directory, 'beside-peer'), '', {
    ANTHILL_UPSTREAM_BASE_URL: floor.baseUrl,
    ANTHILL_UPSTREAM_API_KEY: 'none',
  });
  const own: Side = { ...server, name: 'anthill', model: anyModel, hasEnded: () => false };
  const other: Side = {
    ...peer,
    name: 'the peer',
    model: process.env['BENCH_PEER_MODEL'] || anyModel,
    endOfTurn: process.env['BENCH_PEER_END'] || undefined,
  };
  const rows: Row[] = [await modelAlone(floor)];
  const said: string[] = [];
  for (const text of ['text', 'tool'] as const) {
    const failed = new Set<Side>();
    for (const lanes of lanesOfRuns) {
      const results = await turnsOfBoth([own, other], { text, lanes, floor, failed }, said);
      rows.push(...rowsOf(titleOf({ text, lanes }), results));
    }
  }
  await server.stop();
  console.log(`\n${table(rows)}`);
  for (const sentence of said) console.log(`\n${sentence}`);
}

type Compared = {
  readonly text: Text;
  readonly lanes: number;
  readonly floor: Server;
  /** Whose turns of the kind have failed: more sessions would not help. */
  readonly failed: Set<Side>;
};

/** The samples of each; of one that failed, or is gone, null. It is added to `failed`, why to `said`. */
async function turnsOfBoth(
  sides: readonly Side[],
  { text, lanes, floor, failed }: Compared,
  said: string[],
): Promise<(Samples | null)[]> {
  const clients = sides.map(({ baseUrl, apiKey, endOfTurn }) => createClient(baseUrl, apiKey, endOfTurn));
  const runs: Samples[][] = sides.map(() => []);
  const kinds = new Map<Client, Turns>();
  for (const count of slices(lanes))
    for (const [index, side] of sides.entries()) {
      const client = clients[index];
      if (!client || failed.has(side)) continue;
      try {
        if (side.hasEnded()) throw new Error('it has ended');
        const kind = kinds.get(client) ?? {
          client,
          session: await sessions(client, text, side.model),
          lanes,
          text,
        };
        kinds.set(client, kind);
        runs[index]?.push(await checked(floor, kind, count));
      } catch (cause) {
        failed.add(side);
        // Whatever else of it is still under way ends here.
        client.close();
        said.push(`${titleOf({ text, lanes })}: ${side.name} failed: ${sentenceOf(cause)}.`);
      }
    }
  for (const client of clients) client.close();
  return sides.map((side, index) => (failed.has(side) ? null : together(runs[index] ?? [])));
}

async function sessions(client: Client, text: Text, model: string): Promise<() => Promise<string>> {
  const make = await sessionsOf(client, tools[text], { model, system });
  return async () => `${await make()}/events`;
}

/** A slice of turns. Rejects when something is wrong with it, and when the model was not asked what such turns ask. */
async function checked(floor: Server, kind: Turns, count: number): Promise<Samples> {
  const before = await stateOf(floor);
  const isOver = new AbortController();
  const samples = await Promise.race([slice(kind, count), wrong(floor, before, isOver.signal)])
    .catch(async (cause) => {
      // What a peer does after a refusal says less than the refusal.
      throw refusalSince(before, await stateOf(floor)) ?? cause;
    })
    .finally(() => isOver.abort());
  const after = await stateOf(floor);
  const expected = kind.lanes * (count + warmTurns) * (kind.text === 'text' ? 1 : 2);
  const answered = after.answered - before.answered;
  if (answered >= expected) return samples;
  throw (
    refusalSince(before, after) ??
    new Error(`turns ended, but the model answered ${answered} times instead of ${expected}`)
  );
}

/** Rejects soon after the model has refused what it was asked, and when turns take too long. */
async function wrong(floor: Server, before: State, signal: AbortSignal): Promise<never> {
  const until = performance.now() + sliceMsMax;
  while (performance.now() < until) {
    await sleep(1000, undefined, { signal });
    const refusal = refusalSince(before, await stateOf(floor));
    if (refusal) throw refusal;
  }
  throw new Error(`turns had no end within ${sliceMsMax / 60_000} minutes`);
}

type State = { readonly answered: number; readonly refusals: number; readonly refused: string | null };

const refusalSince = (before: State, { refusals, refused }: State) =>
  refusals > before.refusals ? new Error(`the model refused: ${refused}`) : null;

async function stateOf({ baseUrl }: Server): Promise<State> {
  return (await (await fetch(baseUrl)).json()) as State;
}

/** What neither server can be faster than. */
async function modelAlone({ baseUrl }: Server): Promise<Row> {
  const client = createClient(baseUrl, 'none');
  const ask = {
    model: anyModel,
    messages: message('text').events.map(({ content }) => ({ role: 'user', content })),
  };
  const samples = await measure(1, 300, async () => void (await client.post('/v1/messages', ask)));
  client.close();
  const { cells } = rowOf('', samples);
  return {
    name: 'floor: the model alone × 1',
    cells: { ...cells, 'p50 × peer': null, 'per s × peer': null },
  };
}

function rowsOf(title: string, results: readonly (Samples | null)[]): Row[] {
  const [own, peer] = results.map((samples) => (samples ? rowOf('', samples).cells : null));
  const ratio = (column: string) => {
    const [first, second] = [own?.[column], peer?.[column]];
    return first && second ? first / second : null;
  };
  const rows: Row[] = [];
  if (own)
    rows.push({
      name: title,
      cells: { ...own, 'p50 × peer': ratio('p50 ms'), 'per s × peer': ratio('per s') },
    });
  if (peer) rows.push({ name: `${title}, peer`, cells: peer });
  return rows;
}

function sentenceOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.slice(0, 500).replace(/\.$/, '');
}
