import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type Anthropic from '@anthropic-ai/sdk';
import { StorageQuotaExceededError } from '@anthropic-ai/sdk/resources/files';
import { all, bad } from '../support/sdk-calls.ts';
import type { ServerHome, ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { filesOnDisk, pendingBytes, setFile } from '../support/server-files.ts';
import { call } from '../support/server-http.ts';
import { eventually, residentMiB } from '../support/server-processes.ts';
import { openSession } from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';
import { boundary, head, startUpload, tail } from '../support/server-uploads.ts';

const mebibyte = Buffer.alloc(1024 * 1024, 'ants ');
const nothing = { contents: [], pending: [] };

const ids = async (client: Anthropic) => (await all(client.files.list())).map(({ id }) => id);

/** So much of an upload that the server has begun to write it down. */
async function begun(home: ServerHome, server: ServerProcess, length?: number) {
  const upload = startUpload(server, length);
  await upload.write(head);
  await upload.write(mebibyte);
  await eventually(() => pendingBytes(home) > 0, 'the upload has begun');
  return upload;
}

describeServer('uploads that go wrong', ({ home, server, client }) => {
  /** Looks twice: a client may be done before the server has begun. */
  const leavesNothing = async () => {
    for (const _look of [1, 2]) {
      await eventually(() => filesOnDisk(home).pending.length === 0, 'nothing is left of the upload');
      await setTimeout(50);
    }
    assert.deepEqual([filesOnDisk(home), await ids(client)], [nothing, []]);
  };

  test('a client that dies half way leaves nothing', async () => {
    for (const length of [undefined, 10_000_000]) {
      const upload = await begun(home, server, length);
      upload.die();
      await leavesNothing();
    }
  });

  test('a body that ends early is refused and leaves nothing', async () => {
    const upload = await begun(home, server);
    upload.request.end();
    const { status, json } = await upload.answer;
    assert.equal(status, 400);
    assert.match(JSON.stringify(json), /"Failed to parse request body: the body ended early"/);
    await leavesNothing();
  });

  test('a content-length that is too short cuts the form; one that is too long waits in vain', async () => {
    const form = `${head}abc${tail}`;
    const short = `content-length: ${form.length - 10}`;
    assert.match(await exchange(server, short, form.slice(0, -10)), /^HTTP\/1.1 400 .*the body ended early/s);
    const socket = connect(Number(new URL(server.baseUrl).port), '127.0.0.1');
    socket.end(`${requestLines(server)}content-length: ${form.length + 10}\r\n\r\n${form}`);
    await leavesNothing();
    socket.destroy();
  });

  test('a form of ten thousand parts is refused', async () => {
    const parts = `--${boundary}\r\nContent-Disposition: form-data; name="expires_in_seconds"\r\n\r\n3600\r\n`;
    const body = `${parts.repeat(10_000)}${tail.slice(2)}`;
    const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` };
    const reply = await call(server, { path: '/v1/files', body, headers });
    assert.equal(reply.status, 400, reply.text);
  });

  test('what says that it is too large is refused before it is sent', async () => {
    const upload = startUpload(server, 600 * 1024 * 1024);
    await upload.write(head);
    const { status, json } = await upload.answer;
    assert.equal(status, 413);
    assert.match(JSON.stringify(json), /"request_too_large".*maximum size of 524288000 bytes/);
    await leavesNothing();
  });

  test('a form that is refused at its end leaves nothing of its file', async () => {
    const upload = await begun(home, server);
    const field = `\r\n--${boundary}\r\nContent-Disposition: form-data; name="expires_in_seconds"\r\n\r\n7`;
    await upload.write(field);
    assert.equal((await upload.finish()).status, 400);
    await leavesNothing();
  });

  test('a slow upload holds nobody up, and comes to its end', async () => {
    const upload = await begun(home, server);
    const quick = await client.files.upload({ file: new File(['quick'], 'quick.txt') });
    for (const piece of ['s', 'l', 'o', 'w']) await upload.write(piece);
    const { status, json } = await upload.finish();
    const slow = json as Anthropic.FileMetadata;
    assert.deepEqual([status, slow.size_bytes], [200, mebibyte.byteLength + 4]);
    assert.deepEqual(await ids(client), [slow.id, quick.id]);
    for (const { id } of [slow, quick]) await client.files.delete(id);
    await leavesNothing();
  });

  test('many of the same at once are one content, which goes with the last', async () => {
    const uploads = await Promise.all([1, 2, 3, 4, 5].map(() => begun(home, server)));
    const answers = await Promise.all(uploads.map((upload) => upload.finish()));
    const made = answers.map(({ json }) => (json as Anthropic.FileMetadata).id);
    assert.equal(new Set(made).size, 5);
    assert.equal(filesOnDisk(home).contents.length, 1);
    await Promise.all(made.map((id) => client.files.delete(id)));
    await leavesNothing();
  });

  test('a file that is deleted while it is downloaded is downloaded whole', async () => {
    const bytes = Buffer.concat(Array.from({ length: 12 }, () => mebibyte));
    const { id } = await client.files.upload({ file: new File([bytes], 'a.bin') });
    setFile(home, id, 'downloadable', 1);
    const response = await client.files.download(id);
    await client.files.delete(id);
    assert.ok(bytes.equals(Buffer.from(await response.arrayBuffer())));
    await leavesNothing();
  });

  test('256 MiB go in and out without taking their room in memory', async () => {
    const size = 256;
    await client.files
      .upload({ file: new File([mebibyte], 'warm.bin') })
      .then(({ id }) => client.files.delete(id));
    const resident = residentMiB(server.pid);
    let peak = resident;
    const watch = setInterval(() => {
      peak = Math.max(peak, residentMiB(server.pid));
    }, 20);
    const upload = startUpload(server);
    await upload.write(head);
    for (let index = 0; index < size; index++) await upload.write(mebibyte);
    const { id } = (await upload.finish()).json as Anthropic.FileMetadata;
    setFile(home, id, 'downloadable', 1);
    let read = 0;
    for await (const chunk of (await client.files.download(id)).body ?? []) read += chunk.byteLength;
    clearInterval(watch);
    assert.equal(read, size * mebibyte.byteLength);
    assert.ok(peak - resident < 100, `${resident.toFixed(0)} MiB before, ${peak.toFixed(0)} MiB at most`);
    await client.files.delete(id);
  });
});

test('a server that is killed during an upload leaves no half a file, and nothing on disk', async () => {
  const home = serverHome();
  try {
    const server = await home.start();
    const whole = await server.client.files.upload({ file: new File(['whole'], 'whole.txt') });
    await begun(home, server);
    await server.kill();
    assert.equal(filesOnDisk(home).pending.length, 1);
    const again = await home.start();
    assert.deepEqual(filesOnDisk(home).pending, []);
    assert.equal(filesOnDisk(home).contents.length, 1);
    assert.deepEqual(await ids(again.client), [whole.id]);
  } finally {
    await home.remove();
  }
});

describe('the quota', () => {
  const directory = mkdtempSync(join(tmpdir(), 'anthill-quota-'));
  const home = serverHome();
  let server: ServerProcess;
  before(async () => {
    mkdirSync(home.dataDir, { recursive: true });
    const config = join(directory, 'anthill.yaml');
    writeFileSync(config, 'files:\n  quota_bytes: 100\n');
    server = await home.start({ ANTHILL_CONFIG: config });
  });
  after(async () => {
    await home.remove();
    rmSync(directory, { recursive: true });
  });

  const upload = (bytes: number) =>
    server.client.files.upload({ file: new File(['x'.repeat(bytes)], 'a.txt') });
  const exceeded = (used: number) =>
    bad(
      `storage_quota_exceeded: the organization may store 100 bytes of files and stores ${used}; delete files to upload more`,
      'storage_quota_exceeded',
    );

  test('is of all uploads together, to the byte, and deleting makes room', async () => {
    const first = await upload(60);
    await assert.rejects(upload(41), exceeded(60));
    await assert.rejects(upload(41), StorageQuotaExceededError);
    const second = await upload(40);
    await assert.rejects(upload(1), exceeded(100));
    await assert.rejects(upload(0), exceeded(100));
    assert.equal(filesOnDisk(home).contents.length, 2);
    await server.client.files.delete(second.id);
    await upload(40);
    await server.client.files.delete(first.id);
    assert.deepEqual(filesOnDisk(home).pending, []);
  });

  test('is kept when many come at once', async () => {
    for (const id of await ids(server.client)) await server.client.files.delete(id);
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => upload(30)));
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 3);
    assert.deepEqual(filesOnDisk(home).pending, []);
  });

  test('outlives a restart, and leaves the files of sessions out', async () => {
    await server.stop();
    server = await home.start({ ANTHILL_CONFIG: join(directory, 'anthill.yaml') });
    await assert.rejects(upload(30), exceeded(90));
    const session = await openSession(server.client);
    const [id = ''] = await ids(server.client);
    // A session's file is no upload: taking it away gives nothing back.
    setFile(home, id, 'session_id', session.id);
    await server.client.beta.sessions.delete(session.id);
    await assert.rejects(upload(30), exceeded(90));
  });

  test('is a number of bytes', async () => {
    const config = join(directory, 'wrong.yaml');
    for (const wrong of ['quota_bytes: much', 'quota_bytes: -1', 'quota: 1']) {
      writeFileSync(config, `files:\n  ${wrong}\n`);
      const { code, stderr } = await home.refusedStart({ ANTHILL_CONFIG: config });
      assert.equal(code, 2, stderr);
      assert.match(stderr, /files/);
    }
  });
});

function requestLines(server: ServerProcess): string {
  return [
    'POST /v1/files HTTP/1.1',
    'host: ants',
    `x-api-key: ${server.apiKey}`,
    'anthropic-version: 2023-06-01',
    `content-type: multipart/form-data; boundary=${boundary}`,
    '',
  ].join('\r\n');
}

/** What comes back for bytes that no client library would send. */
async function exchange(server: ServerProcess, header: string, body: string): Promise<string> {
  const socket = connect(Number(new URL(server.baseUrl).port), '127.0.0.1');
  // It stays open for the answer: a client that closes its side is taken for gone.
  socket.write(`${requestLines(server)}connection: close\r\n${header}\r\n\r\n${body}`);
  let text = '';
  for await (const chunk of socket.setEncoding('utf8')) text += chunk;
  return text;
}
