import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Server } from './processes.ts';
import { startFloor, startServer } from './processes.ts';
import type { Row } from './statistics.ts';
import { quantile, table } from './statistics.ts';

const megabyte = 1_000_000;
const megabytes = 500;
const rounds = 3;
const chunk = randomBytes(megabyte);
const boundary = 'ants';
const head = Buffer.from(
  `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n`,
);
const tail = Buffer.from(`\r\n--${boundary}--\r\n`);

type Run = { readonly perSecond: number; readonly peakMiB: number };

/**
 * A large file in and out, beside a server that does no more than to write a body to disk, durably, and to
 * read it back. What the server's memory grows by meanwhile is read from outside.
 */
export async function benchFiles(directory: string): Promise<void> {
  const floor = await startFloor('floor-files.ts', join(directory, 'floor-file'));
  const server = await startServer(join(directory, 'files'));
  const both = async (count: number) => [
    await watched(floor, count, () => send(floor, '/', { before: empty, count, after: empty })),
    await watched(floor, count, () => receive(floor, '/', count)),
    ...(await uploadAndDownload(server, join(directory, 'files/data/anthill.db'), count)),
  ];
  // Both have done some work when it counts.
  await both(20);
  const idle = [floor, floor, server, server].map((process) => process.memoryMiB());
  const all: Run[][] = [];
  for (let round = 0; round < rounds; round++) all.push(await both(megabytes));
  await Promise.all([floor.stop(), server.stop()]);
  const names = ['floor: to disk, fsync', 'floor: from disk', 'upload', 'download'];
  const rows = names.map((name, index) =>
    fileRow(
      name,
      all.flatMap((round) => round[index] ?? []),
      idle[index] ?? 0,
    ),
  );
  console.log(`${table(rows)}\n\n${megabytes} MB, ${rounds} times`);
}

function fileRow(name: string, runs: readonly Run[], idleMiB: number): Row {
  const speeds = runs.map(({ perSecond }) => perSecond);
  const peakMiB = Math.max(...runs.map((run) => run.peakMiB));
  return {
    name,
    cells: {
      'MB/s': quantile(speeds, 0.5),
      least: Math.min(...speeds),
      most: Math.max(...speeds),
      'MiB before': idleMiB,
      'at most': peakMiB,
    },
  };
}

async function uploadAndDownload(server: Server, databasePath: string, count: number): Promise<[Run, Run]> {
  let id = '';
  const up = await watched(server, count, async () => {
    id = String((await send(server, '/v1/files', { before: head, count, after: tail }))['id']);
  });
  // Uploads cannot be downloaded; what they are made of can.
  const database = new Database(databasePath, { timeout: 5_000 });
  database.prepare('update files set downloadable = 1 where id = ?').run(id);
  database.close();
  const down = await watched(server, count, () => receive(server, `/v1/files/${id}/content`, count));
  return [up, down];
}

/** Its speed, and the server's memory at its worst. */
async function watched(server: Server, count: number, work: () => Promise<unknown>): Promise<Run> {
  let peakMiB = server.memoryMiB();
  const watch = setInterval(() => {
    peakMiB = Math.max(peakMiB, server.memoryMiB());
  }, 20);
  const begun = performance.now();
  await work();
  const seconds = (performance.now() - begun) / 1000;
  clearInterval(watch);
  return { perSecond: count / seconds, peakMiB };
}

function headersOf({ apiKey }: Server) {
  return { 'x-api-key': apiKey, 'anthropic-version': '2023-06-01' };
}

const empty = Buffer.alloc(0);
type Body = { readonly before: Buffer; readonly count: number; readonly after: Buffer };

async function send(server: Server, path: string, { before, count, after }: Body) {
  const sent = request(`${server.baseUrl}${path}`, {
    method: 'POST',
    headers: {
      ...headersOf(server),
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': before.length + count * megabyte + after.length,
    },
  });
  const answer = once(sent, 'response');
  sent.write(before);
  for (let index = 0; index < count; index++) if (!sent.write(chunk)) await once(sent, 'drain');
  sent.end(after);
  // The event brings the response alone.
  const [response] = (await answer) as [IncomingMessage];
  let text = '';
  for await (const part of response.setEncoding('utf8')) text += part;
  if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode} ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}

async function receive(server: Server, path: string, count: number): Promise<void> {
  const sent = request(`${server.baseUrl}${path}`, { headers: headersOf(server) }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let bytes = 0;
  for await (const part of response) bytes += part.length;
  if (bytes !== count * megabyte) throw new Error(`${path}: ${response.statusCode}, ${bytes} bytes`);
}
