import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { toFile } from '@anthropic-ai/sdk';
import { blockEvents, messageEnd, messageStart, sse, textDeltas } from '../support/model-stream.ts';
import type { RecordingServer } from '../support/recording-server.ts';
import { startRecordingServer } from '../support/recording-server.ts';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { openSession, say, toolset } from '../support/server-sessions.ts';
import { skillFiles } from '../support/server-skills.ts';

const reply = sse([
  messageStart,
  ...blockEvents(0, { type: 'text', text: '' }, textDeltas('Hello.')),
  ...messageEnd('end_turn'),
]);

describe('the system prompt that a model gets', () => {
  const home = serverHome();
  let provider: RecordingServer;
  let server: ServerProcess;
  before(async () => {
    provider = await startRecordingServer(() => ({
      headers: { 'content-type': 'text/event-stream' },
      body: reply,
    }));
    server = await home.start({ ANTHILL_UPSTREAM_BASE_URL: provider.url, ANTHILL_UPSTREAM_API_KEY: 'k' });
  });
  after(async () => {
    await home.remove();
    await provider.close();
  });

  test('tells of everything that was brought for the agent, as it was when it was brought', async () => {
    const { client } = server;
    const file = await client.files.upload({ file: await toFile(Buffer.from('1'), 'a.csv') });
    const skill = await client.skills.create({ files: await skillFiles('trails') });
    const store = await client.beta.memoryStores.create({ name: 'Team notes', description: 'Found out' });
    const session = await openSession(
      client,
      {
        model: 'claude-opus-5-5',
        system: 'Be brief.',
        tools: [toolset],
        skills: [{ type: 'custom', skill_id: skill.id }],
      },
      {
        resources: [
          { type: 'file', file_id: file.id },
          { type: 'memory_store', memory_store_id: store.id, instructions: 'Keep it short.' },
        ],
      },
    );
    await client.beta.memoryStores.update(store.id, { name: 'Renamed' });
    await say(client, session.id, 'hello');
    const asked = provider.requests.at(-1)?.body as { system: { text: string }[] };
    const system = asked.system.map(({ text }) => text).join('\n\n');
    const expected = [
      /^Be brief\.\n\n/,
      /\/mnt\/session\/uploads/,
      /\/mnt\/session\/outputs/,
      /- \/mnt\/memory\/team-notes \(Team notes\): can be read and written\.\n {2}Found out\n {2}Instructions: Keep it short\./,
      /- trails \(\/workspace\/skills\/trails\/SKILL\.md\): Follows trails$/,
    ];
    for (const part of expected) assert.match(system, part);
  });
});
