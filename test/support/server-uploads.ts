import type { ClientRequest, IncomingMessage } from 'node:http';
import { request } from 'node:http';
import type { ServerProcess } from './server.ts';

/** An upload that is written by hand, over a connection of its own. */
export type Upload = {
  /** Resolves when the connection takes more. */
  write(bytes: string | Uint8Array): Promise<void>;
  /** The rest of the form, and the end of the request. */
  finish(): Promise<Answered>;
  /** The answer, which may come before the end. Rejects when the connection breaks first. */
  readonly answer: Promise<Answered>;
  readonly request: ClientRequest;
  /** The client is gone, in the middle of whatever it did. */
  die(): void;
};

export type Answered = { readonly status: number; readonly json: unknown };

export const boundary = 'ants';
export const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n`;
export const tail = `\r\n--${boundary}--\r\n`;

/** `length` is what its headers promise; without one it is chunked. */
export function startUpload(server: ServerProcess, length?: number): Upload {
  const sent = request(`${server.baseUrl}/v1/files`, {
    method: 'POST',
    agent: false,
    headers: {
      'x-api-key': server.apiKey,
      'anthropic-version': '2023-06-01',
      'content-type': `multipart/form-data; boundary=${boundary}`,
      ...(length === undefined ? {} : { 'content-length': length }),
    },
  });
  const answer = new Promise<Answered>((resolve, reject) => {
    sent.once('response', (response) => void textOf(response).then(resolve, reject));
    sent.once('error', reject);
  });
  // Who does not wait for it does not care.
  answer.catch(() => undefined);
  const write = (bytes: string | Uint8Array) =>
    new Promise<void>((resolve, reject) => {
      sent.write(bytes, (cause) => (cause ? reject(cause) : resolve()));
    });
  return {
    answer,
    request: sent,
    write,
    async finish() {
      sent.end(tail);
      return await answer;
    },
    die: () => sent.destroy(),
  };
}

async function textOf(response: IncomingMessage): Promise<Answered> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { status: response.statusCode ?? 0, json: JSON.parse(text) };
}
