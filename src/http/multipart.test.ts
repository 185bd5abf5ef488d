import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { z } from 'zod';
import type { Form } from '../protocol/form.ts';
import { formFile } from '../protocol/form.ts';
import type { Refusal } from '../protocol/refusal.ts';
import type { Route } from '../protocol/route.ts';
import { readForm } from './multipart.ts';

const form: Form = {
  fields: z.strictObject({
    file: formFile,
    more: z.array(formFile).optional(),
    title: z.string().min(2).optional(),
    count: z.string().regex(/^\d+$/).transform(Number).pipe(z.int().max(9)).optional(),
  }),
  filesBytesMax: 4_000_000,
  partsMax: 20,
};
const route: Route = {
  resource: ['things'],
  action: 'upload',
  summary: 'Upload a thing',
  method: 'POST',
  path: '/v1/things',
  beta: null,
  messages: 'environments',
  query: null,
  body: null,
  form,
  response: z.string(),
  paging: null,
  streams: false,
  downloads: false,
};

const boundary = '----ants7MA4YWxkTrZu0gW';
const type = `multipart/form-data; boundary=${boundary}`;

function part(headers: string | readonly string[], content: string | Uint8Array = ''): Buffer {
  const lines = [`--${boundary}`, ...[headers].flat(), '', ''];
  return Buffer.concat([Buffer.from(lines.join('\r\n')), Buffer.from(content), Buffer.from('\r\n')]);
}
const named = (name: string, more = '') => `Content-Disposition: form-data; name="${name}"${more}`;
const file = (content: string | Uint8Array = 'x', filename = 'a.txt') =>
  part(named('file', `; filename="${filename}"`), content);
const end = Buffer.from(`--${boundary}--\r\n`);
const bodyOf = (...parts: readonly (string | Uint8Array)[]) =>
  Buffer.concat(parts.map((piece) => Buffer.from(piece)));

function requestOf(body: ReadableStream | FormData, headers: Record<string, string> = {}): Request {
  return new Request('http://ants/v1/things', {
    method: 'POST',
    headers: { 'content-type': type, ...headers },
    body,
    duplex: 'half',
  });
}

/** In pieces of so many bytes, then whatever `last` does; counts what was asked for. */
function pieces(bytes: Uint8Array, size: number, last: 'close' | 'hang' | 'fail' = 'close') {
  let at = 0;
  let isCancelled = false;
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (at < bytes.byteLength) {
          controller.enqueue(bytes.subarray(at, at + size));
          at += size;
        } else if (last === 'close') controller.close();
        else if (last === 'fail') controller.error(new Error('aborted'));
        else return new Promise(() => undefined);
      },
      cancel() {
        isCancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, sent: () => Math.min(at, bytes.byteLength), isCancelled: () => isCancelled };
}

type Seen = { name: string; value?: unknown; filename?: string; mimeType?: string | null; text?: string };

async function readAll(request: Request, skips = false): Promise<Seen[]> {
  const seen: Seen[] = [];
  for await (const { kind, ...one } of readForm(route, form, request)) {
    if (!('content' in one)) seen.push(one);
    else {
      const { content, ...rest } = one;
      seen.push(skips ? rest : { ...rest, text: await textOf(content) });
    }
    assert.equal(kind, 'content' in one ? 'file' : 'field');
  }
  return seen;
}

async function textOf(content: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const chunk of content) text += Buffer.from(chunk).toString('latin1');
  return text;
}

const sizes = [1, 2, 3, 7, 64, 65_536];

describe('a multipart form', () => {
  const whole = bodyOf(
    'a preamble\r\n',
    part(named('title'), 'Ants é'),
    part(
      [named('file', '; filename="dir/a.csv"'), 'Content-Type: text/csv; charset=utf-8'],
      'a,b\r\n--c\r\n',
    ),
    part(named('more[]', '; filename=""')),
    part(named('count'), '7'),
    part(named('more', `; filename*=UTF-8''%C3%A9`), `\r\n--${boundary.slice(0, -1)}\r\n`),
    end,
    'an epilogue',
    file('of another form'),
    end,
  );
  const parts: Seen[] = [
    { name: 'title', value: 'Ants é' },
    { name: 'file', filename: 'dir/a.csv', mimeType: 'text/csv; charset=utf-8', text: 'a,b\r\n--c\r\n' },
    { name: 'more', filename: '', mimeType: null, text: '' },
    { name: 'count', value: 7 },
    { name: 'more', filename: 'é', mimeType: null, text: `\r\n--${boundary.slice(0, -1)}\r\n` },
  ];
  for (const size of sizes) {
    test(`comes part by part, however its bytes arrive (${size} at a time)`, async () => {
      assert.deepEqual(await readAll(requestOf(pieces(whole, size).stream)), parts);
    });

    test(`goes on behind files that nobody read (${size} at a time)`, async () => {
      const seen = await readAll(requestOf(pieces(whole, size).stream), true);
      assert.deepEqual(
        seen,
        parts.map(({ text: _, ...rest }) => rest),
      );
    });
  }

  test('is what FormData sends', async () => {
    const data = new FormData();
    data.append('file', new File(['x'], 'dir/ä "1".txt', { type: 'text/plain' }));
    data.append('count', '3');
    const { headers } = new Response(data);
    const request = requestOf(data, { 'content-type': headers.get('content-type') ?? '' });
    // The boundary of the second encoding is another one.
    const seen = await readAll(new Request(request.url, { method: 'POST', body: data }));
    assert.deepEqual(seen, [
      { name: 'file', filename: 'dir/ä %221%22.txt', mimeType: 'text/plain', text: 'x' },
      { name: 'count', value: 3 },
    ]);
  });

  test('keeps every byte of a large file, in whatever pieces', async () => {
    const content = Buffer.alloc(300_000, `\r\n--${boundary.slice(0, 10)}`);
    for (const size of [997, 65_536, 150_000, 300_001, 400_000]) {
      const [seen] = await readAll(requestOf(pieces(bodyOf(file(content), end), size).stream));
      assert.ok(seen?.text === content.toString('latin1'), String(size));
    }
  });

  test('is read to its end by a reader who is slower than the client', async () => {
    const content = Buffer.alloc(200_000, 'x');
    const files = [part(named('more[]'), content), part(named('more[]'), content), file(content)];
    for (const size of [50_000, 65_536, 199_000, 1_000_000]) {
      let read = 0;
      for await (const part of readForm(route, form, requestOf(pieces(bodyOf(...files, end), size).stream))) {
        if (!('content' in part)) continue;
        for await (const chunk of part.content) {
          read += chunk.byteLength;
          for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
        }
      }
      assert.equal(read, 600_000, String(size));
    }
  });
});

type Bad = {
  body: Uint8Array | string;
  headers?: Record<string, string>;
  status?: 'too_large';
  message: RegExp;
};
const bad: Readonly<Record<string, Bad>> = {
  'another content type': {
    body: '{}',
    headers: { 'content-type': 'application/json' },
    message: /^content-type: "application\/json" is not supported; send multipart\/form-data$/,
  },
  'no boundary': {
    body: '',
    headers: { 'content-type': 'multipart/form-data' },
    message: /needs a boundary/,
  },
  'an empty boundary': {
    body: '',
    headers: { 'content-type': 'multipart/form-data; boundary=""' },
    message: /needs a boundary/,
  },
  'an endless boundary': {
    body: '',
    headers: { 'content-type': `multipart/form-data; boundary=${'b'.repeat(300)}` },
    message: /needs a boundary/,
  },
  'an empty body': { body: '', message: /body ended early/ },
  'another boundary': {
    body: bodyOf('--other\r\n', named('file'), '\r\n\r\nx\r\n--other--'),
    message: /body ended early/,
  },
  'bare line feeds': {
    body: bodyOf(file(), end).toString().replaceAll('\r\n', '\n'),
    message: /body ended early/,
  },
  'an end in the middle of a file': {
    body: bodyOf(file('x'.repeat(200_000))).subarray(0, 150_000),
    message: /body ended early/,
  },
  'an end in the middle of a field': {
    body: part(named('title'), 'abc').subarray(0, -4),
    message: /body ended early/,
  },
  'an end in the middle of a header': {
    body: bodyOf(file(), part(named('title')).subarray(0, 50)),
    message: /body ended early/,
  },
  'an end before the last dashes': { body: bodyOf(file(), `--${boundary}-`), message: /body ended early/ },
  'no part at all': { body: end, message: /^file: Field required$/ },
  'no file': { body: bodyOf(part(named('title'), 'abc'), end), message: /^file: Field required$/ },
  'a part without headers': {
    body: bodyOf(`--${boundary}\r\n\r\nx\r\n`, file(), end),
    message: /has no name/,
  },
  'a part that is cut off in its headers': {
    body: bodyOf(`--${boundary}\r\n${named('title')}\r\n`, file(), end),
    message: /no headers/,
  },
  'a last part that is cut off in its headers': {
    body: bodyOf(file(), `--${boundary}\r\n${named('title')}\r\n`, end),
    message: /no headers/,
  },
  'a part without a name': {
    body: bodyOf(part('Content-Disposition: form-data; filename="a"', 'x'), end),
    message: /has no name/,
  },
  'an attachment': {
    body: bodyOf(part('Content-Disposition: attachment; name="file"', 'x'), end),
    message: /has no name/,
  },
  'a header that is none': { body: bodyOf(part('what is this', 'x'), end), message: /has no name/ },
  'an unknown field': {
    body: bodyOf(part(named('nest'), 'x'), file(), end),
    message: /^nest: Extra inputs are not permitted$/,
  },
  'a member of every object': {
    body: bodyOf(part(named('constructor'), 'x'), file(), end),
    message: /^constructor: Extra inputs/,
  },
  'a list where one is wanted': {
    body: bodyOf(part(named('file[]'), 'x'), end),
    message: /^file\[\]: Extra inputs/,
  },
  'two files where one is wanted': {
    body: bodyOf(file(), file(), end),
    message: /^file: must be given once$/,
  },
  'a field that does not fit': {
    body: bodyOf(file(), part(named('title'), 'x'), end),
    message: /^title: must be at least 2 characters$/,
  },
  'a number that is too large': {
    body: bodyOf(file(), part(named('count'), '10'), end),
    message: /^count: must be at most 9$/,
  },
  'a field that is not UTF-8': {
    body: bodyOf(file(), part(named('title'), Buffer.from([0x61, 0xff])), end),
    message: /^title: must be valid UTF-8$/,
  },
  'a field that is too long': {
    body: bodyOf(part(named('title'), 'x'.repeat(70_000)), end),
    message: /^title: must be at most 65536 bytes$/,
  },
  'too many parts': {
    body: bodyOf(...Array.from({ length: 21 }, () => part(named('more[]'), '')), end),
    message: /more than 20 parts/,
  },
  'far too many parts': {
    body: bodyOf(...Array.from({ length: 10_000 }, () => part(named('more[]'), 'x')), end),
    message: /more than 20 parts/,
  },
  'too large a file': {
    body: bodyOf(file(Buffer.alloc(4_000_001)), end),
    status: 'too_large',
    message: /maximum size of 4000000 bytes/,
  },
  'too large files together': {
    body: bodyOf(file(Buffer.alloc(2_000_000)), part(named('more[]'), Buffer.alloc(2_000_001)), end),
    status: 'too_large',
    message: /maximum size/,
  },
  'too much around the files': {
    body: bodyOf('\r\n'.repeat(3_000_000), file(), end),
    status: 'too_large',
    message: /maximum size/,
  },
  'a length that is too large': {
    body: bodyOf(file(), end),
    headers: { 'content-length': '5200000' },
    status: 'too_large',
    message: /maximum size/,
  },
};

describe('a form is refused for', () => {
  for (const [name, { body, headers, status = 'invalid_request', message }] of Object.entries(bad)) {
    for (const size of [3, 65_536]) {
      if (size === 3 && body.length > 20_000) continue;
      test(`${name} (${size} bytes at a time)`, async () => {
        const { stream } = pieces(Buffer.from(body), size);
        await assert.rejects(
          async () => await readAll(requestOf(stream, headers)),
          (refusal: Refusal) => {
            assert.equal(refusal.code, status, String(refusal.stack));
            assert.match(refusal.message, message);
            return true;
          },
        );
      });
    }
  }
});

describe('a form under way', () => {
  const large = bodyOf(file(Buffer.alloc(3_000_000)), end);

  test('is not read before somebody wants it', async () => {
    const body = pieces(large, 65_536);
    readForm(route, form, requestOf(body.stream));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(body.sent(), 0);
  });

  test('is read no faster than its file is', async () => {
    const body = pieces(large, 65_536);
    const form_ = readForm(route, form, requestOf(body.stream));
    const next = await form_.next();
    assert.ok(next.value && 'content' in next.value);
    const content = next.value.content[Symbol.asyncIterator]();
    let read = 0;
    for (let at = 0; at < 20; at++) {
      read += (await content.next()).value?.byteLength ?? 0;
      await new Promise((resolve) => setImmediate(resolve));
      assert.ok(body.sent() - read <= 4 * 65_536, `${body.sent()} sent, ${read} read`);
    }
    await form_.return(undefined);
  });

  for (const [where, leave] of [
    ['before its file was read', async () => undefined],
    [
      'in the middle of its file',
      async (content: AsyncIterable<Uint8Array>) => {
        for await (const _ of content) break;
      },
    ],
  ] as const) {
    test(`lets go of the body when the reader leaves ${where}`, async () => {
      const body = pieces(large, 65_536);
      for await (const part of readForm(route, form, requestOf(body.stream))) {
        if ('content' in part) await leave(part.content);
        break;
      }
      assert.ok(body.isCancelled());
      assert.ok(body.sent() < 400_000);
    });

    test(`passes on what a reader throws ${where}`, async () => {
      const body = pieces(large, 65_536);
      const failure = new Error('no room');
      await assert.rejects(async () => {
        for await (const part of readForm(route, form, requestOf(body.stream))) {
          if ('content' in part) await leave(part.content);
          throw failure;
        }
      }, failure);
      assert.ok(body.isCancelled());
    });
  }

  test('leaves a client that has fallen silent', async () => {
    const body = pieces(large.subarray(0, 100_000), 65_536, 'hang');
    const reading = readForm(route, form, requestOf(body.stream));
    const next = await reading.next();
    assert.ok(next.value && 'content' in next.value);
    for await (const _ of next.value.content) break;
    await reading.return(undefined);
    assert.ok(body.isCancelled());
  });

  test('says that the client has gone, wherever it is read', async () => {
    for (const cut of [0, 10, 100, 150_000, large.byteLength - 4, large.byteLength]) {
      const body = pieces(large.subarray(0, cut), 65_536, 'fail');
      await assert.rejects(
        async () => await readAll(requestOf(body.stream)),
        { code: 'invalid_request', message: 'Failed to parse request body: the body ended early' },
        String(cut),
      );
    }
  });
});
