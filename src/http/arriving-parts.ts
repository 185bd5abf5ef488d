import type { Readable } from 'node:stream';
import { Dicer } from '@fastify/busboy';
import { createMailbox } from '../base/mailbox.ts';
import { malformedForm } from '../protocol/form.ts';
import { Refusal } from '../protocol/refusal.ts';
import { parseParameters } from './header-parameters.ts';

/** A part of a form as it comes off the wire. */
export type ArrivingPart = {
  /** Parameters of its `content-disposition`: `name`, `filename`. */
  readonly disposition: ReadonlyMap<string, string>;
  readonly mimeType: string | null;
  /** May be begun anew: goes on where the reader before left off. */
  readonly content: AsyncIterable<Uint8Array>;
};

export type ArrivingParts = {
  /** The next part, once the one before was read; null when the body has ended. Refuses what is no form. */
  next(): Promise<ArrivingPart | null>;
  /** Nothing more is read. */
  stop(): void;
};

export type Body = {
  readonly stream: ReadableStream<Uint8Array>;
  readonly boundary: string;
  readonly partsMax: number;
  /** Gets the size of every chunk and may refuse. */
  readonly count: (bytes: number) => void;
};

const headerPairsMax = 32;

/**
 * Feeds a body to the parser while the parts are read. The parser holds a chunk back until the parts in it
 * were read far enough, and with it the next read from the client: that is all the back-pressure there is.
 */
export function openParts({ stream, boundary, partsMax, count }: Body): ArrivingParts {
  const arrivals = createMailbox<ArrivingPart | Refusal | null>();
  const reader = stream.getReader();
  const parser = parserOf(boundary);
  const parsed = Promise.withResolvers<void>();
  // Whoever waits for the parser hears of it below.
  parsed.promise.catch(() => undefined);
  let isParsed = false;
  parser.on('finish', () => {
    isParsed = true;
    parsed.resolve();
  });
  parser.on('error', (cause) => parsed.reject(endedEarly(cause)));
  let current: Readable | null = null;
  let isHeaderless = false;
  let partsLeft = partsMax;
  let stopped = false;

  parser.on('part', (part) => {
    // Its own errors are told to its reader; without a listener they would end the process.
    part.on('error', () => undefined);
    if (isHeaderless) fail(malformedForm('a part of the form has no headers'));
    if (partsLeft-- === 0) fail(malformedForm(`the form has more than ${partsMax} parts`));
    current = part;
    isHeaderless = true;
    part.on('header', (headers) => {
      isHeaderless = false;
      arrivals.put(arrivingPart(part, headers as PartHeaders));
    });
  });

  /** The first failure is the one that readers see. */
  function fail(refusal: Refusal): void {
    if (stopped) return;
    stop();
    current?.destroy(refusal);
    arrivals.put(refusal);
  }

  function stop(): void {
    stopped = true;
    reader.cancel().catch(() => undefined);
  }

  async function feed(): Promise<void> {
    for (;;) {
      const { done, value } = await read(reader);
      if (stopped) return;
      if (done) break;
      count(value.byteLength);
      // The parser may never ask for more than the chunk that holds the end; what follows is no part.
      if (!isParsed) await Promise.race([written(parser, value), parsed.promise]);
    }
    if (!isParsed) parser.end();
    await parsed.promise;
    if (isHeaderless) throw malformedForm('a part of the form has no headers');
    arrivals.put(null);
  }

  let fed = false;
  return {
    async next() {
      if (!fed) {
        fed = true;
        feed().catch((cause: unknown) =>
          fail(cause instanceof Refusal ? cause : malformedForm('invalid multipart form', cause)),
        );
      }
      const arrived = await arrivals.take();
      if (arrived instanceof Refusal) throw arrived;
      return arrived;
    },
    stop,
  };
}

type PartHeaders = Readonly<Record<string, readonly string[] | undefined>>;

function parserOf(boundary: string): Dicer {
  return new Dicer({ boundary, maxHeaderPairs: headerPairsMax });
}

async function read(reader: ReadableStreamDefaultReader<Uint8Array>) {
  try {
    return await reader.read();
  } catch (cause) {
    throw endedEarly(cause);
  }
}

/** Resolves when the parser wants more. */
function written(parser: Dicer, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    parser.write(chunk, (cause) => (cause ? reject(cause) : resolve()));
  });
}

/** The parser gives header bytes as characters of their own. */
function arrivingPart(part: Readable, headers: PartHeaders): ArrivingPart | Refusal {
  const header = (name: string) => {
    const [bytes] = headers[name] ?? [];
    return bytes === undefined ? null : Buffer.from(bytes, 'latin1').toString('utf8').trim();
  };
  const { value, parameters } = parseParameters(header('content-disposition') ?? '');
  if (value !== 'form-data' || !parameters.has('name')) {
    return malformedForm('a part of the form has no name');
  }
  return {
    disposition: parameters,
    mimeType: header('content-type') || null,
    content: { [Symbol.asyncIterator]: () => contentOf(part) },
  };
}

async function* contentOf(part: Readable): AsyncGenerator<Uint8Array> {
  try {
    yield* part.iterator({ destroyOnReturn: false });
  } catch (cause) {
    throw cause instanceof Refusal ? cause : endedEarly(cause);
  }
}

function endedEarly(cause: unknown): Refusal {
  return malformedForm('the body ended early', cause);
}
