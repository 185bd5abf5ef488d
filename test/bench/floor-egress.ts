import { writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { createAuthority } from '../../src/hands/egress/certificates.ts';
import { listening, tlsServer } from '../support/local-servers.ts';

/** What sandboxes connect to: a few bytes, or as many megabytes as the path says, over HTTP and TLS. */
const [, , file = ''] = process.argv;
const megabyte = Buffer.alloc(1_000_000, 'a');

function answer(request: IncomingMessage, response: ServerResponse): void {
  const megabytes = Number(request.url?.slice(1));
  if (megabytes === 0) return void response.end('hello');
  response.setHeader('content-length', megabytes * megabyte.length);
  Readable.from(Array.from({ length: megabytes }, () => megabyte)).pipe(response);
}

const authority = await createAuthority(Date.now());
const plain = await listening(createServer(answer));
const secure = await listening(tlsServer(authority, answer));
const port = (server: { address(): unknown }) => (server.address() as AddressInfo).port;
writeFileSync(file, JSON.stringify({ tls: port(secure), certificate: authority.certificate }));
console.log(port(plain));
