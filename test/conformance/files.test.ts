import assert from 'node:assert/strict';
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type Anthropic from '@anthropic-ai/sdk';
import { toFile } from '@anthropic-ai/sdk';
import { FileExpiredError, FileNotDownloadableError } from '@anthropic-ai/sdk/resources/files';
import { absent, all, bad, refused } from '../support/sdk-calls.ts';
import { filesOnDisk, setFile } from '../support/server-files.ts';
import { call } from '../support/server-http.ts';
import { eventually } from '../support/server-processes.ts';
import { openSession } from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';

const managed = ['managed-agents-2026-04-01'];
const hourUs = 3_600 * 1_000_000;
const dayUs = 24 * hourUs;

const csv = (content = 'a,b\n', name = 'a.csv') => new File([content], name, { type: 'text/csv' });

describeServer('files over HTTP', ({ home, server, client }) => {
  const upload = (file: File = csv()) => client.files.upload({ file });
  const nowUs = () => Date.now() * 1000;

  describe('a file', () => {
    test('is uploaded, shown, listed and deleted', async () => {
      const made = await upload();
      const { id, created_at } = made;
      assert.match(id, /^file_01\w{22}$/);
      assert.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
      assert.deepEqual(
        { ...made },
        {
          id,
          type: 'file',
          filename: 'a.csv',
          mime_type: 'text/csv',
          size_bytes: 4,
          downloadable: false,
          created_at,
          expires_at: null,
          scope: null,
        },
      );
      assert.deepEqual(await client.files.retrieveMetadata(id), made);
      assert.deepEqual(await client.beta.files.retrieveMetadata(id), made);
      assert.deepEqual((await client.files.list({ limit: 1 })).data, [made]);
      assert.deepEqual(await client.files.delete(id), { id, type: 'file_deleted' });
      const gone = absent(`File \`${id}\` not found.`);
      await assert.rejects(client.files.retrieveMetadata(id), gone);
      await assert.rejects(client.files.download(id), gone);
      await assert.rejects(client.files.delete(id), gone);
    });

    test('is downloaded as it was, if it may be', async () => {
      const bytes = Buffer.alloc(700_000, 'abc\0\xff', 'latin1');
      const { id } = await upload(new File([bytes], 'naïve.bin', { type: 'application/x-thing' }));
      const refusal = `file_not_downloadable: File \`${id}\` is not downloadable; only files that tools made in a session are.`;
      await assert.rejects(client.files.download(id), bad(refusal, 'file_not_downloadable'));
      await assert.rejects(client.files.download(id), FileNotDownloadableError);
      setFile(home, id, 'downloadable', 1);
      const response = await client.files.download(id);
      assert.deepEqual(
        ['content-type', 'content-length', 'content-disposition'].map((name) => response.headers.get(name)),
        ['application/x-thing', '700000', "attachment; filename*=UTF-8''na%C3%AFve.bin"],
      );
      assert.ok(bytes.equals(Buffer.from(await response.arrayBuffer())));
      const head = await call(server, { path: `/v1/files/${id}/content`, method: 'HEAD' });
      assert.deepEqual([head.status, head.text], [200, '']);
    });

    test('may be empty', async () => {
      const { id, size_bytes } = await upload(csv(''));
      assert.equal(size_bytes, 0);
      setFile(home, id, 'downloadable', 1);
      assert.equal(await (await client.files.download(id)).text(), '');
    });

    test('is uploaded from a stream and from a path', async () => {
      const directory = mkdtempSync(join(tmpdir(), 'anthill-upload-'));
      const path = join(directory, 'from disk.csv');
      writeFileSync(path, 'x'.repeat(100_000));
      const streamed = await client.files.upload({ file: createReadStream(path) });
      // The SDK gives streams no type, so the one it gives is kept.
      assert.deepEqual(
        [streamed.filename, streamed.mime_type, streamed.size_bytes],
        ['from disk.csv', 'application/octet-stream', 100_000],
      );
      const named = await toFile(createReadStream(path), undefined, { type: 'text/csv' });
      assert.equal((await client.beta.files.upload({ file: named })).mime_type, 'text/csv');
      rmSync(directory, { recursive: true });
    });

    test('that two have stays on disk until both are deleted', async () => {
      const before = filesOnDisk(home).contents.length;
      const twins = await Promise.all([upload(csv('twins')), upload(csv('twins'))]);
      assert.equal(filesOnDisk(home).contents.length, before + 1);
      await client.files.delete(twins[0].id);
      setFile(home, twins[1].id, 'downloadable', 1);
      assert.equal(await (await client.files.download(twins[1].id)).text(), 'twins');
      await client.files.delete(twins[1].id);
      assert.equal(filesOnDisk(home).contents.length, before);
      await eventually(() => filesOnDisk(home).pending.length === 0, 'nothing is left to be removed');
    });
  });

  describe('a name', () => {
    const cases: readonly (readonly [sent: string, type: string, filename: string, mime: string])[] = [
      ['dir/sub/a.csv', 'text/csv', 'a.csv', 'text/csv'],
      ['../../etc/passwd', '', 'passwd', 'application/octet-stream'],
      ['C:\\temp\\a.txt', 'text/plain; charset=utf-8', 'a.txt', 'text/plain; charset=utf-8'],
      ['Grüße 🐜.pdf', 'application/pdf', 'Grüße 🐜.pdf', 'application/pdf'],
      [' spaced .md', 'text/markdown', ' spaced .md', 'text/markdown'],
      ['é'.repeat(255), 'a/b', 'é'.repeat(255), 'a/b'],
      ['a.tar.gz', 'application/gzip', 'a.tar.gz', 'application/gzip'],
      ['dir/', 'image/png', 'unnamed.png', 'image/png'],
      ['..', 'text/csv; header=present', 'unnamed.csv', 'text/csv; header=present'],
      ['.', 'application/x-unknown', 'unnamed', 'application/x-unknown'],
      ['.env', 'text/plain', '.env', 'text/plain'],
    ];
    for (const [sent, type, filename, mime] of cases) {
      test(`${sent.slice(0, 20)} of type ${type || 'none'}`, async () => {
        const made = await upload(new File(['x'], sent, { type }));
        assert.deepEqual([made.filename, made.mime_type], [filename, mime]);
      });
    }

    const raw: readonly (readonly [headers: string, filename: string, mime: string])[] = [
      ['; filename="a.csv"', 'a.csv', 'text/csv'],
      ['; filename="A.JPEG"', 'A.JPEG', 'image/jpeg'],
      ['; filename=""', 'unnamed', 'application/octet-stream'],
      ['', 'unnamed', 'application/octet-stream'],
      ['\r\nContent-Type: image/png', 'unnamed.png', 'image/png'],
      ['; filename="a.csv"\r\nContent-Type: nonsense', 'a.csv', 'text/csv'],
      ['; filename="a.csv"\r\nContent-Type:', 'a.csv', 'text/csv'],
      ['; filename="plain.txt"; filename*=UTF-8\'\'na%C3%AFve.txt', 'naïve.txt', 'text/plain'],
      ["; filename*=UTF-8''..%2F..%2Fa.txt", 'a.txt', 'text/plain'],
    ];
    for (const [headers, filename, mime] of raw) {
      test(`of a part with${JSON.stringify(headers)}`, async () => {
        const reply = await call(server, form(`form-data; name="file"${headers}`, 'x'));
        const made = reply.json as Anthropic.FileMetadata;
        assert.deepEqual([reply.status, made.filename, made.mime_type], [200, filename, mime], reply.text);
      });
    }

    const forbidden = ['<', '>', ':', '|', '?', '*', '\t', '\x7f', '\x00'];
    for (const character of forbidden) {
      test(`with ${JSON.stringify(character)} is refused`, async () => {
        const reply = await call(server, form(`form-data; name="file"; filename="a${character}b"`, 'x'));
        assert.equal(reply.status, 400, reply.text);
        assert.match(reply.text, /the filename must not contain/);
      });
    }
    test('with a quote, or too long, is refused', async () => {
      const quoted = await call(server, form(String.raw`form-data; name="file"; filename="a\"b"`, 'x'));
      assert.match(quoted.text, /the filename must not contain/);
      const long = bad('file: the filename must be at most 255 characters');
      await assert.rejects(upload(csv('', 'é'.repeat(256))), long);
      const type = bad('file: the content type must be at most 255 characters');
      await assert.rejects(upload(new File([''], 'a', { type: `a/${'b'.repeat(254)}` })), type);
    });
  });

  describe('an upload is refused', () => {
    test('without a file', async () => {
      await assert.rejects(client.files.upload({} as Parameters<Anthropic['files']['upload']>[0]), bad(/./));
      const reply = await call(server, form('form-data; name="expires_in_seconds"', '3600'));
      assert.equal(reply.status, 400);
      assert.match(reply.text, /"message":"file: Field required"/);
    });

    for (const seconds of ['3599', '7776001', '0', '-1', '1e4', '', 'soon', '3600.5', '٣٦٠٠']) {
      test(`for expires_in_seconds "${seconds}", and nothing is kept`, async () => {
        const before = filesOnDisk(home);
        const form = new FormData();
        form.append('file', csv('refused'));
        form.append('expires_in_seconds', seconds);
        const request = client.post('/v1/files', { body: form });
        await assert.rejects(
          Promise.resolve(request),
          bad('expires_in_seconds: must be between 3600 and 7776000 seconds'),
        );
        assert.deepEqual(filesOnDisk(home), before);
      });
    }

    test('for an unknown part, a second file, JSON, and without a key', async () => {
      const before = filesOnDisk(home);
      const send = (parts: readonly (readonly [string, string | File])[]) => {
        const body = new FormData();
        for (const [name, value] of parts) body.append(name, value);
        return Promise.resolve(client.post('/v1/files', { body }));
      };
      const file = csv('refused');
      await assert.rejects(
        send([
          ['file', file],
          ['zeal', '1'],
        ]),
        bad('zeal: Extra inputs are not permitted'),
      );
      await assert.rejects(
        send([
          ['file', file],
          ['file', file],
        ]),
        bad('file: must be given once'),
      );
      await assert.rejects(send([['file[]', file]]), bad('file[]: Extra inputs are not permitted'));
      const json = await call(server, { path: '/v1/files', body: { file: 'x' } });
      assert.match(json.text, /"content-type: \\"application\/json\\" is not supported; send multipart/);
      const reply = await call(server, {
        ...form('form-data; name="file"', 'x'),
        headers: { 'x-api-key': null },
      });
      assert.equal(reply.status, 401);
      assert.deepEqual(filesOnDisk(home), before);
    });
  });

  describe('the list', () => {
    test('is by ids, each once, unknown ones left out, in one page', async () => {
      const ids: string[] = [];
      for (const name of ['1', '2', '3']) ids.push((await upload(csv('x', name))).id);
      const page = await client.files.list({ ids: ['file_0', ...ids, ...ids] });
      assert.deepEqual([page.data.map(({ id }) => id), page.next_page], [ids.toReversed(), null]);
      assert.deepEqual((await client.files.list({ ids: ['file_0'] })).data, []);
      const many = Array.from({ length: 101 }, (_, index) => `file_${index}`);
      assert.deepEqual((await client.files.list({ ids: [...many.slice(1), ...many.slice(1)] })).data, []);
      await assert.rejects(all(client.files.list({ ids: many })), bad('ids: must contain at most 100 items'));
      const { next_page: next } = await client.files.list({ limit: 1 });
      assert.ok(next);
      for (const more of [{ limit: 3 }, { page: next }]) {
        const [name] = Object.keys(more);
        await assert.rejects(
          all(client.files.list({ ids, ...more })),
          bad(`ids: cannot be combined with ${name}`),
        );
      }
    });

    test('goes page by page, newest first, to a null', async () => {
      const made: string[] = [];
      for (let index = 0; index < 5; index++) made.push((await upload()).id);
      const first = await client.files.list({ limit: 3 });
      assert.deepEqual(
        first.data.map(({ id }) => id),
        made.toReversed().slice(0, 3),
      );
      assert.deepEqual(
        Object.keys(first).filter((key) => key.includes('_')),
        ['next_page'],
      );
      const listed = (await all(client.files.list({ limit: 2 }))).map(({ id }) => id);
      assert.deepEqual(listed.slice(0, 5), made.toReversed());
      assert.equal(new Set(listed).size, listed.length);
      const reply = await call(server, { path: '/v1/files?limit=1000' });
      assert.match(reply.text, /"next_page":null/);
      for (const limit of [0, 1001]) {
        await assert.rejects(all(client.files.list({ limit })), bad('limit must be between 1 and 1000'));
      }
    });

    test('of a session needs its beta value, and shows no uploads', async () => {
      const session = await openSession(client);
      const upload_ = await upload();
      const mine = await upload(csv('mine'));
      setFile(home, mine.id, 'session_id', session.id);
      const scoped = { scope_id: session.id };
      const seen = await all(client.beta.files.list({ ...scoped, betas: managed }));
      assert.deepEqual(seen, [{ ...mine, scope: { type: 'session', id: session.id } }]);
      const alias = session.id.replace('sesn_', 'session_');
      assert.deepEqual(await all(client.beta.files.list({ scope_id: alias, betas: managed })), seen);
      assert.deepEqual(await all(client.beta.files.list({ scope_id: 'sesn_0', betas: managed })), []);
      const needs = bad('scope_id: needs the value managed-agents-2026-04-01 in the anthropic-beta header');
      await assert.rejects(all(client.beta.files.list(scoped)), needs);
      const ids = (await all(client.files.list())).map(({ id }) => id);
      assert.deepEqual([ids.includes(upload_.id), ids.includes(mine.id)], [true, false]);
      assert.deepEqual(
        (await client.files.list({ ids: [mine.id] })).data.map(({ id }) => id),
        [mine.id],
      );
      await client.beta.sessions.delete(session.id);
      await assert.rejects(client.files.retrieveMetadata(mine.id), absent(/not found/));
    });

    test('is of the older shape for who sends the older beta value', async () => {
      const made: string[] = [];
      for (let index = 0; index < 5; index++) made.push((await upload()).id);
      const [oldest, second, middle, fourth, newest] = made;
      const older = async (query: string) => {
        const headers = { 'anthropic-beta': 'files-api-2025-04-14,files-api-2025-04-14' };
        const { status, json } = await call(server, { path: `/v1/files?beta=true&${query}`, headers });
        return { status, ...(json as Record<string, unknown>) } as Older;
      };
      const ids = ({ data }: Older) => data.map(({ id }) => id);
      const first = await older('limit=2');
      assert.deepEqual(ids(first), [newest, fourth]);
      assert.deepEqual([first.has_more, first.first_id, first.last_id], [true, newest, fourth]);
      assert.equal(typeof first.next_page, 'string');
      const next = await older(`limit=2&after_id=${fourth}`);
      assert.deepEqual([ids(next), next.has_more], [[middle, second], true]);
      const back = await older(`limit=2&before_id=${second}`);
      assert.deepEqual([ids(back), back.has_more, back.first_id], [[fourth, middle], true, fourth]);
      const end = await older(`before_id=${fourth}`);
      assert.deepEqual([ids(end), end.has_more], [[newest], false]);
      assert.deepEqual(ids(await older(`limit=2&page=${first.next_page}`)), [middle, second]);
      const none = await older(`before_id=${newest}`);
      assert.deepEqual([none.data, none.first_id, none.last_id], [[], null, null]);
      await client.files.delete(middle ?? '');
      assert.deepEqual(ids(await older(`limit=1&after_id=${middle}`)), [second]);
      assert.deepEqual(ids(await older(`limit=1&before_id=${middle}`)), [fourth]);
      assert.deepEqual(ids(await older(`ids[]=${oldest}`)), [oldest]);
      for (const query of [
        `after_id=file_0`,
        `after_id=${second}&before_id=${second}`,
        `after_id=${second}&page=${first.next_page}`,
        `ids[]=${oldest}&after_id=${second}`,
      ])
        assert.equal((await older(query)).status, 400, query);
      const today = await call(server, { path: `/v1/files?after_id=${second}` });
      assert.match(today.text, /unknown query parameter \\"after_id\\"/);
    });
  });

  describe('a file that expires', () => {
    test('loses its content at its time, and is forgotten a month later', async () => {
      const { id, created_at, expires_at } = await client.files.upload({
        file: csv('soon gone'),
        expires_in_seconds: 3600,
      });
      assert.equal(Date.parse(expires_at ?? '') - Date.parse(created_at), 3_600_000);
      const expired = refused(404, 'not_found_error', `file_expired: File \`${id}\` has expired.`, {
        details: { error_code: 'file_expired' },
      });
      setFile(home, id, 'downloadable', 1);
      assert.equal(await (await client.files.download(id)).text(), 'soon gone');
      setFile(home, id, 'expires_at_us', nowUs() - 1);
      await assert.rejects(client.files.download(id), expired);
      await assert.rejects(client.files.download(id), FileExpiredError);
      assert.equal((await client.files.retrieveMetadata(id)).size_bytes, 9);
      assert.ok((await all(client.files.list())).some((file) => file.id === id));
      setFile(home, id, 'expires_at_us', nowUs() - 30 * dayUs + hourUs);
      assert.equal((await client.files.retrieveMetadata(id)).id, id);
      setFile(home, id, 'expires_at_us', nowUs() - 30 * dayUs);
      const gone = absent(`File \`${id}\` not found.`);
      await assert.rejects(client.files.retrieveMetadata(id), gone);
      await assert.rejects(client.files.download(id), gone);
      assert.ok(!(await all(client.files.list())).some((file) => file.id === id));
    });
  });
});

type Older = {
  readonly status: number;
  readonly data: readonly { readonly id: string }[];
  readonly has_more: boolean;
  readonly first_id: string | null;
  readonly last_id: string | null;
  readonly next_page: string | null;
};

function form(disposition: string, content: string) {
  const body = `--ants\r\nContent-Disposition: ${disposition}\r\n\r\n${content}\r\n--ants--\r\n`;
  return { path: '/v1/files', body, headers: { 'content-type': 'multipart/form-data; boundary=ants' } };
}
