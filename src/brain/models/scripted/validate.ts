import type { Block, Message, MessagesRequest, Tool } from './messages-request.ts';

/** Refuses what the real Messages API (version 2026-10-21) refuses, so that nothing works here that would fail there. */
export class InvalidRequest extends Error {}

const knownFields = new Set([
  'model',
  'max_tokens',
  'messages',
  'stream',
  'system',
  'tools',
  'tool_choice',
  'stop_sequences',
  'metadata',
  'thinking',
  'output_config',
  'service_tier',
  'context_management',
  'speed',
  'inference_geo',
]);

export function validate(body: unknown): MessagesRequest {
  const request = record(body, 'body');
  const unknown = Object.keys(request).find((field) => !knownFields.has(field));
  if (unknown) throw new InvalidRequest(`${unknown}: Extra inputs are not permitted`);
  if (typeof request['model'] !== 'string') throw new InvalidRequest('model: Field required');
  const maxTokens = request['max_tokens'];
  if (!Number.isInteger(maxTokens) || Number(maxTokens) < 1)
    throw new InvalidRequest('max_tokens: Field required');
  const messages = readMessages(request['messages']);
  checkSystem(request['system']);
  checkBreakpoints([request['tools'], request['system'], messages]);
  return {
    model: request['model'],
    stream: request['stream'] === true,
    system: request['system'] ?? null,
    tools: readTools(request['tools']),
    messages,
  };
}

function record(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidRequest(`${path}: Input should be a valid dictionary`);
  }
  return value as Record<string, unknown>;
}

function checkSystem(system: unknown): void {
  if (system === undefined || typeof system === 'string') return;
  if (!Array.isArray(system)) throw new InvalidRequest('system: Input should be a valid string or array');
  system.forEach((block: unknown, at) => {
    if (readBlock(block, `system.${at}`).type !== 'text')
      throw new InvalidRequest(`system.${at}.type: Input should be 'text'`);
  });
}

const breakpointsMax = 4;

function checkBreakpoints(request: unknown): void {
  let count = 0;
  JSON.stringify(request, (key, value: unknown) => {
    if (key === 'cache_control' && value !== null) count += 1;
    return value;
  });
  if (count > breakpointsMax)
    throw new InvalidRequest(
      `A maximum of ${breakpointsMax} blocks with cache_control may be provided. Found ${count}.`,
    );
}

const toolName = /^[a-zA-Z0-9_-]{1,128}$/;

function readTools(value: unknown): Tool[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new InvalidRequest('tools: Input should be a valid array');
  const names = new Set<string>();
  return value.map((item: unknown, index) => {
    const tool = record(item, `tools.${index}`);
    const name = String(tool['name'] ?? '');
    if (!toolName.test(name))
      throw new InvalidRequest(`tools.${index}.name: String should match pattern '${toolName.source}'`);
    if (names.has(name)) throw new InvalidRequest('tools: Tool names must be unique.');
    names.add(name);
    if (record(tool['input_schema'], `tools.${index}.input_schema`)['type'] !== 'object') {
      throw new InvalidRequest(`tools.${index}.input_schema.type: Input should be 'object'`);
    }
    return { ...tool, name };
  });
}

function readMessages(value: unknown): Message[] {
  if (!Array.isArray(value)) throw new InvalidRequest('messages: Field required');
  if (value.length === 0) throw new InvalidRequest('messages: at least one message is required');
  const messages = value.map((item: unknown, index) => readMessage(item, index));
  if (messages[0]?.role !== 'user')
    throw new InvalidRequest('messages: first message must use the "user" role');
  messages.forEach((message, index) => {
    checkSystemPlace(messages, message, index);
    checkFollowed(messages, message, index);
    checkAnswered(messages, message, index);
  });
  return messages;
}

function readMessage(item: unknown, index: number): Message {
  const { role, content } = record(item, `messages.${index}`);
  if (role !== 'user' && role !== 'assistant' && role !== 'system')
    throw new InvalidRequest(`messages.${index}.role: Input should be 'user', 'assistant' or 'system'`);
  const blocks: unknown[] =
    typeof content === 'string' ? [{ type: 'text', text: content }] : Array.isArray(content) ? content : [];
  if (blocks.length === 0)
    throw new InvalidRequest(`messages.${index}: all messages must have non-empty content`);
  return {
    role,
    content: blocks.map((value, at) => {
      const path = `messages.${index}.content.${at}`;
      const block = readBlock(value, path);
      checkPlace(block, role, path);
      return block;
    }),
  };
}

const placeOf: Readonly<Record<string, Message['role']>> = {
  tool_use: 'assistant',
  thinking: 'assistant',
  redacted_thinking: 'assistant',
  tool_result: 'user',
  document: 'user',
};

function checkPlace(block: Block, role: Message['role'], path: string): void {
  if ((placeOf[block.type] ?? role) !== role)
    throw new InvalidRequest(
      `${path}: \`${block.type}\` blocks can only be in \`${placeOf[block.type]}\` messages`,
    );
  const { citations } = block;
  if (role === 'user' && block.type === 'text' && Array.isArray(citations) && citations.length > 0)
    throw new InvalidRequest(`${path}.citations: citations are not permitted in user messages`);
}

function readBlock(value: unknown, path: string): Block {
  const block = record(value, path);
  const type = String(block['type']);
  if (type === 'text') checkText(block, path);
  if (type === 'tool_use') checkToolUse(block, path);
  if (type === 'tool_result') checkResult(block, path);
  if (type === 'thinking' && block['signature'] !== signatureOf(String(block['thinking']))) {
    throw new InvalidRequest(`${path}: Invalid \`signature\` in \`thinking\` block`);
  }
  return { ...block, type };
}

function checkText(block: Readonly<Record<string, unknown>>, path: string): void {
  const { text } = block;
  if (typeof text !== 'string' || text === '')
    throw new InvalidRequest(`${path}: text content blocks must be non-empty`);
  if (text.trim() === '')
    throw new InvalidRequest(`${path}: text content blocks must contain non-whitespace text`);
}

function checkToolUse(block: Readonly<Record<string, unknown>>, path: string): void {
  if (typeof block['id'] !== 'string' || !toolName.test(block['id']))
    throw new InvalidRequest(`${path}.id: String should match pattern '${toolName.source}'`);
  record(block['input'], `${path}.input`);
}

function checkResult(block: Readonly<Record<string, unknown>>, path: string): void {
  const parts: unknown[] = Array.isArray(block['content']) ? block['content'] : [];
  parts.forEach((value, at) => {
    const part = record(value, `${path}.content.${at}`);
    if (part['type'] === 'text' && !part['text'])
      throw new InvalidRequest(`${path}.content.${at}: text content blocks must be non-empty`);
  });
  const isEmpty = parts.length === 0 && (typeof block['content'] !== 'string' || block['content'] === '');
  if (block['is_error'] === true && isEmpty)
    throw new InvalidRequest(`${path}: content cannot be empty if \`is_error\` is true`);
}

/** Every tool use is answered at the start of the next message, once, and nothing else is. */
function checkAnswered(messages: readonly Message[], message: Message, index: number): void {
  if (message.role !== 'user') return;
  const before = messages[index - 1];
  const asked = new Set(
    (before?.role === 'assistant' ? before.content : [])
      .filter((block) => block.type === 'tool_use')
      .map((block) => block['id']),
  );
  const results = message.content.filter((block) => block.type === 'tool_result');
  const stray = results.find((block) => !asked.has(block['tool_use_id']));
  if (stray) {
    throw new InvalidRequest(
      `messages.${index}.content: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${stray['tool_use_id']}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`,
    );
  }
  const ids = results.map((block) => block['tool_use_id']);
  const twice = ids.find((id, at) => ids.indexOf(id) !== at);
  if (twice)
    throw new InvalidRequest(
      `messages.${index}: each \`tool_use\` must have a single result. Found multiple \`tool_result\` blocks with id: ${twice}`,
    );
  const missing = [...asked].filter((id) => !results.some((block) => block['tool_use_id'] === id));
  if (missing.length > 0) {
    throw new InvalidRequest(
      `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${missing.join(', ')}.`,
    );
  }
  const firstOther = message.content.findIndex((block) => block.type !== 'tool_result');
  if (firstOther !== -1 && message.content.slice(firstOther).some((block) => block.type === 'tool_result')) {
    throw new InvalidRequest(`messages.${index}: \`tool_result\` blocks must come first in the content`);
  }
}

function checkSystemPlace(messages: readonly Message[], message: Message, index: number): void {
  if (message.role !== 'system') return;
  if (messages[index - 1]?.role !== 'user')
    throw new InvalidRequest(`messages.${index}: \`system\` messages must follow a user message`);
  if (message.content.some((block) => block.type !== 'text'))
    throw new InvalidRequest(`messages.${index}: \`system\` messages can only contain text blocks`);
}

function checkFollowed(messages: readonly Message[], message: Message, index: number): void {
  const asks = message.role === 'assistant' && message.content.some((block) => block.type === 'tool_use');
  if (!asks || messages[index + 1]?.role === 'user') return;
  throw new InvalidRequest(
    `messages.${index}: \`tool_use\` blocks must be followed by a user message with \`tool_result\` blocks`,
  );
}

/** A stand-in for the provider's signature: it shows whether thinking came back byte by byte. */
export function signatureOf(thinking: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < thinking.length; i++) hash = Math.imul(hash ^ thinking.charCodeAt(i), 0x01000193);
  return `scripted-${(hash >>> 0).toString(16)}-${thinking.length}`;
}
