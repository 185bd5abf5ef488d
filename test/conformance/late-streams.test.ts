import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamedEvent } from '../support/server-sessions.ts';
import { collect, isIdle, message, openSession, send, spoken } from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';

const words = 'This reply takes its time, word by word, so that others can join in the middle of it.';
const scenarios = {
  slow: `rules:
  - chunk_delay_ms: 40
    reply: [{ thinking: Hm. }, { text: "${words}" }]
`,
};

describeServer({ name: 'a stream that opens in the middle of a reply', scenarios }, ({ client }) => {
  type Late = { readonly replays: boolean; readonly previews: boolean };

  /** What a second stream gets that opens once the first has seen a few deltas. */
  async function joined({ replays, previews }: Late): Promise<StreamedEvent[]> {
    const session = await openSession(client, { model: 'scripted/slow' });
    let late: Promise<StreamedEvent[]> | null = null;
    let sentId = '';
    let deltas = 0;
    await collect(
      client,
      session.id,
      async () => {
        sentId = (await send(client, session.id, message('go'))).data?.[0]?.id ?? '';
      },
      (event) => {
        if (event.type === 'event_delta') deltas += 1;
        if (deltas === 3) late ??= open(session.id, replays ? sentId : null, previews);
        return isIdle(event);
      },
      { event_deltas: ['agent.message'] },
    );
    assert.ok(late);
    return await late;
  }

  async function open(id: string, after: string | null, previews: boolean): Promise<StreamedEvent[]> {
    const stream = await client.beta.sessions.events.stream(
      id,
      previews ? { event_deltas: ['agent.message', 'agent.thinking'] } : {},
      after === null ? {} : { headers: { 'Last-Event-ID': after } },
    );
    const seen: StreamedEvent[] = [];
    for await (const event of stream) {
      seen.push(event);
      if (isIdle(event)) break;
    }
    return seen;
  }

  const typesOf = (events: readonly StreamedEvent[]) => events.map(({ type }) => type);
  const previewsOf = (events: readonly StreamedEvent[]) =>
    events.filter(({ type }) => type.startsWith('event_'));

  test('gets it from its beginning when it replays and wants previews', async () => {
    const events = await joined({ replays: true, previews: true });
    const text = events
      .map((event) => (event.type === 'event_delta' ? event.delta.content.text : ''))
      .join('');
    assert.ok(text.length > 0 && words.startsWith(text), `a prefix: ${text}`);
    assert.equal(spoken(events), words);
    const starts = events.filter((event) => event.type === 'event_start').map(({ event }) => event);
    const stored = events.filter(({ type }) => type === 'agent.thinking' || type === 'agent.message');
    assert.deepEqual(
      starts,
      stored.map(({ type, id }: { type: string; id?: string }) => ({ type, id })),
    );
    const lastPreview = typesOf(events).findLastIndex((type) => type.startsWith('event_'));
    assert.ok(lastPreview < typesOf(events).indexOf('agent.thinking'), 'what is stored comes last');
    assert.equal(typesOf(events)[0], 'span.model_request_start');
  });

  test('gets no previews of it when it only goes live, nor when it did not ask for any', async () => {
    assert.deepEqual(previewsOf(await joined({ replays: false, previews: true })), []);
    const replayed = await joined({ replays: true, previews: false });
    assert.deepEqual(previewsOf(replayed), []);
    assert.equal(spoken(replayed), words);
  });
});
