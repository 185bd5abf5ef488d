import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:http';

/**
 * The model that servers are compared with, behind the Messages API, with as little work of its own as there can be.
 * To `tool` it answers with a call of `bash`, to the result of that and to anything else with a word. `GET /` says how
 * often it answered, and refused. Prints its port.
 */
type Block = { readonly type: string; readonly text?: string; readonly content?: unknown };
type Asked = {
  readonly model: string;
  readonly stream?: boolean;
  readonly tools?: readonly { readonly name?: string }[];
  readonly messages: readonly { readonly role: string; readonly content: string | readonly Block[] }[];
};

let answered = 0;
let refusals = 0;
/** Why the last one was, that was refused. */
let refused: string | null = null;

/** The one block of the reply; a sentence where a turn has gone another way than it should. */
function replyTo({ messages, tools = [] }: Asked): Record<string, unknown> | string {
  const said = messages.findLast(({ role }) => role === 'user')?.content ?? '';
  const blocks: readonly Block[] = typeof said === 'string' ? [{ type: 'text', text: said }] : said;
  const results = blocks.filter(({ type }) => type === 'tool_result');
  const isWrong = results.find(({ content }) => !JSON.stringify(content ?? '').includes('hello'));
  if (isWrong) return `echo hello came to ${JSON.stringify(isWrong.content ?? null).slice(0, 200)}`;
  if (results.length > 0 || !blocks.some(({ text }) => text?.trim() === 'tool'))
    return { type: 'text', text: 'Done.' };
  if (!tools.some(({ name }) => name === 'bash')) return 'there is no tool bash';
  return { type: 'tool_use', id: `toolu_${randomUUID()}`, name: 'bash', input: { command: 'echo hello' } };
}

function messageOf(model: string, block: Record<string, unknown>): Record<string, unknown> {
  return {
    id: `msg_${randomUUID()}`,
    type: 'message',
    role: 'assistant',
    model,
    content: [block],
    stop_reason: block['type'] === 'text' ? 'end_turn' : 'tool_use',
    stop_sequence: null,
    usage: { input_tokens: 10, output_tokens: 5 },
  };
}

function framesOf(message: Record<string, unknown>, block: Record<string, unknown>): string {
  const { text, input } = block;
  const isText = block['type'] === 'text';
  const delta = isText
    ? { type: 'text_delta', text }
    : { type: 'input_json_delta', partial_json: JSON.stringify(input) };
  const events = [
    { type: 'message_start', message: { ...message, content: [], stop_reason: null } },
    {
      type: 'content_block_start',
      index: 0,
      content_block: isText ? { ...block, text: '' } : { ...block, input: {} },
    },
    { type: 'content_block_delta', index: 0, delta },
    { type: 'content_block_stop', index: 0 },
    {
      type: 'message_delta',
      delta: { stop_reason: message['stop_reason'], stop_sequence: null },
      usage: message['usage'],
    },
    { type: 'message_stop' },
  ];
  return events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('');
}

function answer(asked: Asked, response: ServerResponse): void {
  const block = replyTo(asked);
  if (typeof block === 'string') {
    refusals += 1;
    refused = block;
    response.writeHead(400, { 'content-type': 'application/json' });
    const error = { type: 'invalid_request_error', message: block };
    return void response.end(JSON.stringify({ type: 'error', error }));
  }
  answered += 1;
  const message = messageOf(asked.model, block);
  const type = asked.stream ? 'text/event-stream' : 'application/json';
  response.writeHead(200, { 'content-type': type });
  response.end(asked.stream ? framesOf(message, block) : JSON.stringify(message));
}

const server = createServer((request, response) => {
  if (request.method === 'GET') return void response.end(JSON.stringify({ answered, refusals, refused }));
  const path = request.url?.replace(/\?.*$/, '');
  if (path !== '/v1/messages') return void response.writeHead(404).end();
  let body = '';
  request.setEncoding('utf8').on('data', (chunk: string) => {
    body += chunk;
  });
  request.on('end', () => answer(JSON.parse(body) as Asked, response));
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(typeof address === 'object' ? address?.port : '');
});
