import type { Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { newId } from '../base/ids.ts';

/** By what the parser says; everything else is a request that it cannot read. */
const reasons: Readonly<Record<string, { readonly status: string; readonly message: string }>> = {
  HPE_HEADER_OVERFLOW: {
    status: '431 Request Header Fields Too Large',
    message: 'the headers of the request are too large',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: '408 Request Timeout',
    message: 'the headers of the request did not come in time',
  },
};
const unreadable = { status: '400 Bad Request', message: 'the request is not valid HTTP' };

/** What is no HTTP, or too much of it, is answered in the shape of every other error; then the connection ends. */
export function answerBrokenRequests(server: Server): void {
  server.on('clientError', (cause: NodeJS.ErrnoException, socket: Duplex) => {
    if (cause.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
    const { status, message } = reasons[cause.code ?? ''] ?? unreadable;
    const requestId = newId('req');
    const body = JSON.stringify({
      type: 'error',
      error: { type: 'invalid_request_error', message },
      request_id: requestId,
    });
    const headers = [
      'content-type: application/json',
      `content-length: ${Buffer.byteLength(body)}`,
      `request-id: ${requestId}`,
      'x-should-retry: false',
      'connection: close',
    ];
    socket.end(`HTTP/1.1 ${status}\r\n${headers.join('\r\n')}\r\n\r\n${body}`);
  });
}
