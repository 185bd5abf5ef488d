import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecordingServer } from '../support/recording-server.ts';
import { startRecordingServer } from '../support/recording-server.ts';
import { serverHome } from '../support/server.ts';
import { newTenant } from '../support/server-admin.ts';
import { openSession, say } from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';

const scenarios = {
  priced: `
rules:
  - when: { step: 0 }
    reply: [{ tool: bash, input: { command: 'true' } }]
    usage: { input_tokens: 100, output_tokens: 20, cache_read_input_tokens: 7, cache_creation_input_tokens: 0 }
  - reply: [{ text: 'Done.' }]
    usage: { input_tokens: 10, output_tokens: 2, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 }
`,
};

/** Samples of the text format, by name and labels as they stand there. */
function samplesOf(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const [, name = '', value] = /^(\S+(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
      return [name, Number(value)] as const;
    }),
  );
}

describeServer({ name: 'metrics', scenarios }, (suite) => {
  const read = (headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${suite.server.baseUrl}/metrics`, { headers });
  const samples = async () =>
    samplesOf(await (await read({ authorization: `Bearer ${suite.server.apiKey}` })).text());
  const sum = (all: ReadonlyMap<string, number>, start: string) =>
    [...all].filter(([name]) => name.startsWith(start)).reduce((total, [, value]) => total + value, 0);

  test('tell of turns, requests, tokens and tools what the session shows', async () => {
    const session = await openSession(suite.client, { model: 'scripted/priced' });
    await say(suite.client, session.id, 'go');
    const found = await samples();
    assert.equal(found.get('anthill_sessions_created_total'), 1);
    assert.equal(found.get('anthill_turn_duration_count{stop_reason="end_turn"}'), 1);
    assert.equal(sum(found, 'gen_ai_client_operation_duration_count'), 2);
    const tokens = [...found].filter(([name]) => name.startsWith('gen_ai_client_token_usage_sum'));
    assert.deepEqual(
      tokens.map(([name, value]) => [/token_type="(\w+)"/.exec(name)?.[1], value]),
      [
        ['input', 117],
        ['output', 22],
      ],
    );
    assert.equal(
      found.get('anthill_tool_duration_count{gen_ai_tool_name="bash",is_error="false"}'),
      1,
      [...found.keys()].join('\n'),
    );
    assert.equal(found.get('anthill_sandbox_start_duration_count{result="started"}'), 1);
    assert.equal(found.get('anthill_sessions{status="idle"}'), 1);
    assert.equal(found.get('anthill_sessions{status="running"}'), 0);
    assert.equal(found.get('anthill_sessions_waiting'), 0);
    assert.ok((found.get('anthill_log_commit_duration_count') ?? 0) >= 3);
    const created =
      'http_server_request_duration_count{http_request_method="POST",http_route="/v1/sessions",http_response_status_code="200"}';
    assert.equal(found.get(created), 1);
    assert.ok((found.get('process_memory_usage') ?? 0) > 1e7);
  });

  test('count the streams that are open now', async () => {
    const session = await openSession(suite.client);
    assert.equal((await samples()).get('anthill_stream_readers'), 0);
    const stream = await suite.client.beta.sessions.events.stream(session.id);
    assert.equal((await samples()).get('anthill_stream_readers'), 1);
    stream.controller.abort();
    while ((await samples()).get('anthill_stream_readers') !== 0)
      await new Promise((go) => setTimeout(go, 20));
  });

  test('are for keys with admin rights', async () => {
    const without = await read();
    assert.equal(without.status, 401);
    const tenant = await newTenant(suite.server);
    const ofWorkspace = await read({ 'x-api-key': tenant.key.secret });
    assert.equal(ofWorkspace.status, 403);
    assert.match(await ofWorkspace.text(), /cannot read metrics/);
  });
});

/** What OTLP sends as JSON, as far as it is looked at here. */
type Attribute = { readonly key: string; readonly value: Readonly<Record<string, unknown>> };
type Span = {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes: readonly Attribute[];
  readonly status: { readonly code: number };
};

type Scope = Readonly<Record<string, readonly object[]>>;
type Exported = Readonly<Record<string, readonly Readonly<Record<string, readonly Scope[]>>[]>>;

function sentTo(collector: RecordingServer, signal: 'traces' | 'logs' | 'metrics'): readonly object[] {
  const [outer, inner, leaf] = {
    traces: ['resourceSpans', 'scopeSpans', 'spans'],
    logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
    metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
  }[signal] as [string, string, string];
  return collector.requests
    .filter(({ url }) => url === `/v1/${signal}`)
    .flatMap(({ body }) => (body as Exported)[outer] ?? [])
    .flatMap((resource) => resource[inner] ?? [])
    .flatMap((scope) => scope[leaf] ?? []);
}

test('turns are traced, and logs and metrics sent, where OTEL_* asks for it', async () => {
  const collector = await startRecordingServer();
  const home = serverHome(scenarios);
  try {
    const server = await home.start({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      ANTHILL_LOG_LEVEL: 'info',
    });
    const session = await openSession(server.client, { model: 'scripted/priced', name: 'Ada' });
    await say(server.client, session.id, 'go');
    await newTenant(server);
    assert.equal(await server.stop(), 0);

    const spans = sentTo(collector, 'traces') as readonly Span[];
    const [turn, ...others] = spans.filter(({ parentSpanId }) => !parentSpanId);
    assert.deepEqual(others, []);
    assert.equal(turn?.name, 'invoke_agent Ada');
    const below = spans.filter(({ parentSpanId }) => parentSpanId === turn?.spanId);
    assert.deepEqual(
      below.map(({ name }) => name),
      ['chat scripted/priced', 'execute_tool bash', 'chat scripted/priced'],
    );
    assert.ok(below.every(({ traceId }) => traceId === turn?.traceId));
    const of = (span: Span | undefined, key: string) =>
      span?.attributes.find((attribute) => attribute.key === key)?.value;
    assert.deepEqual(of(turn, 'gen_ai.conversation.id'), { stringValue: session.id });
    assert.deepEqual(of(turn, 'anthill.stop_reason'), { stringValue: 'end_turn' });
    assert.deepEqual(of(below[0], 'gen_ai.usage.input_tokens'), { intValue: 107 });
    assert.deepEqual(of(below[0], 'gen_ai.response.finish_reasons'), {
      arrayValue: { values: [{ stringValue: 'tool_use' }] },
    });

    const metrics = sentTo(collector, 'metrics') as readonly { readonly name: string }[];
    assert.ok(metrics.some(({ name }) => name === 'gen_ai.client.token.usage'));
    const logs = sentTo(collector, 'logs') as readonly { readonly body: object }[];
    assert.ok(logs.some(({ body }) => JSON.stringify(body) === '{"stringValue":"organization.changed"}'));
    // No text of the conversation leaves by this way.
    assert.doesNotMatch(JSON.stringify(collector.requests), /Done\./);
  } finally {
    await home.remove();
    await collector.close();
  }
});
