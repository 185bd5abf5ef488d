import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { call } from '../support/server-http.ts';
import { formOf, newSkill, skillMd, unzipped } from '../support/server-skills.ts';
import { mutated, picker, zipOf } from '../support/zips.ts';

const atOnce = 10;
const rounds = 40;

describe('four hundred archives that went wrong', () => {
  const home = serverHome();
  let server: ServerProcess;
  before(async () => {
    server = await home.start();
  });
  after(() => home.remove());

  test('are each a version or refused, and the server lives', async () => {
    const { client } = server;
    const { id, latest_version_id } = await newSkill(client, 'ants');
    const whole = zipOf([
      { name: 'ants/', mode: 0o040755 },
      { name: 'ants/SKILL.md', content: skillMd('ants'), method: 8 },
      { name: 'ants/stored.md', content: 'stored', mode: 0o100755 },
      { name: 'ants/deflated.md', content: 'x'.repeat(2_000), method: 8 },
    ]);
    const pick = picker(20_261_126);
    const statuses = new Map<number, number>();
    const upload = async () => {
      const form = await formOf(`/v1/skills/${id}/versions`, [['files[]', mutated(whole, pick), 'a.zip']]);
      const { status, text } = await call(server, form);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      assert.ok(status === 200 || status === 400, text);
    };
    for (let round = 0; round < rounds; round++) {
      await Promise.all(Array.from({ length: atOnce }, upload));
    }
    assert.ok((statuses.get(200) ?? 0) > 10, JSON.stringify([...statuses]));
    assert.ok((statuses.get(400) ?? 0) > 100, JSON.stringify([...statuses]));
    assert.deepEqual(server.errors(), []);
    for await (const version of client.skills.versions.list(id, { limit: 1000 })) {
      const response = await client.beta.skills.versions.download(version.id, { skill_id: id });
      const files = await unzipped(response);
      // A mode that went wrong may have made it executable.
      assert.match(files['ants/SKILL.md'] ?? files['ants/SKILL.md*'] ?? '', /^---/);
    }
    assert.ok((await client.skills.retrieve(id)).latest_version_id !== latest_version_id);
  });
});
