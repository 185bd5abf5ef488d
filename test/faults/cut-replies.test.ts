import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { lastUserText } from '../../src/brain/models/scripted/messages-request.ts';
import { validate } from '../../src/brain/models/scripted/validate.ts';
import { blockEvents, messageEnd, messageStart, sse, textDeltas } from '../support/model-stream.ts';
import type { ServerHome, ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { atRest, listAll, message, send, spoken, uniqueName } from '../support/server-sessions.ts';

const recorded = Buffer.from(
  sse([
    messageStart,
    ...blockEvents(0, { type: 'text', text: '' }, textDeltas('Grüße, ', '世界 🐜')),
    ...messageEnd('end_turn'),
  ]),
);
/** After every byte with `FAULT_CUTS=1`; the model's own test does that too, without a server around it. */
const stride = Number(process.env['FAULT_CUTS'] ?? 37);

describe('a model whose reply is cut', () => {
  let home: ServerHome;
  let server: ServerProcess;
  const attempts = new Map<string, number>();
  /** Sends as much of its reply as the message says, and all of it when it is asked again. */
  const model = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const said = lastUserText(validate(JSON.parse(Buffer.concat(chunks).toString('utf8'))).messages);
    const attempt = (attempts.get(said) ?? 0) + 1;
    attempts.set(said, attempt);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    if (attempt > 1) return response.end(recorded);
    const bytes = Number(said.split(' ').at(-1));
    response.write(recorded.subarray(0, bytes), () => response.destroy());
  });

  before(async () => {
    await new Promise<void>((resolve) => model.listen(0, '127.0.0.1', resolve));
    const { port } = model.address() as AddressInfo;
    home = serverHome();
    server = await home.start({
      ANTHILL_UPSTREAM_BASE_URL: `http://127.0.0.1:${port}`,
      ANTHILL_UPSTREAM_API_KEY: 'none',
    });
  });
  after(async () => {
    await home.remove();
    model.closeAllConnections();
    model.close();
  });

  test(`after one of every ${stride} bytes: asked again, no half reply in the log, one whole one`, async () => {
    const { agents, environments, sessions } = server.client.beta;
    const agent = (await agents.create({ name: 'Ant', model: 'claude-opus-5-5', tools: [] })).id;
    const environment_id = (await environments.create({ name: uniqueName() })).id;
    const cuts = Array.from({ length: Math.ceil(recorded.length / stride) }, (_, at) => 1 + at * stride);
    let retried = 0;
    await Promise.all(
      cuts.map(async (bytes) => {
        const { id } = await sessions.create({ agent, environment_id });
        await send(server.client, id, message(`cut after ${bytes}`));
        const session = await atRest(server.client, id);
        assert.equal(session.status, 'idle');
        const events = await listAll(server.client, id);
        assert.equal(spoken(events), 'Grüße, 世界 🐜', `cut after ${bytes}`);
        assert.equal(events.filter(({ type }) => type === 'agent.message').length, 1);
        const failures = events.flatMap((event) => (event.type === 'session.error' ? [event.error] : []));
        const ends = events.flatMap((event) =>
          event.type === 'span.model_request_end' ? [event.is_error] : [],
        );
        // What comes behind the end of the message adds nothing to it.
        const isWhole = attempts.get(`cut after ${bytes}`) === 1;
        assert.deepEqual(ends, isWhole ? [false] : [true, false]);
        assert.deepEqual(
          failures.map(({ retry_status }) => retry_status.type),
          isWhole ? [] : ['retrying'],
        );
        if (!isWhole) retried += 1;
      }),
    );
    assert.ok(
      retried >= cuts.length - Math.ceil(60 / stride),
      `${retried} of ${cuts.length} were asked again`,
    );
    assert.deepEqual(server.errors(), []);
  });
});
