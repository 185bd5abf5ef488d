import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { writeZip } from '../../src/base/zip.ts';
import type { SkillBundle } from '../../src/domain/skill-bundle.ts';
import type { SkillWithVersion } from '../../src/domain/skills.ts';
import { addVersion, createSkill, removeVersion } from '../../src/domain/skills.ts';
import { Refusal } from '../../src/protocol/refusal.ts';
import { collected } from '../support/zips.ts';
import type { MakeStore, Subject } from './subject.ts';
import { assertPages, openSubject, refusal } from './subject.ts';

const atUs = 1_790_000_000_000_000;
const at = new Date('2026-09-21T00:00:00Z');
const every = { limit: 1000, order: 'asc', after: null, createdAt: {} } as const;

function bundle(name: string, description = 'd'): SkillBundle {
  const bytes = Buffer.from(`${name}: ${description}`);
  return { name, description, directory: 'dir', files: [{ path: 'SKILL.md', bytes, isExecutable: true }] };
}

type It = Pick<Subject, 'collections' | 'blobs'>;

/** The bundle with the archive that was staged of it. */
async function pack(it: It, content: SkillBundle) {
  const files = content.files.map((file) => ({ ...file, path: `${content.name}/${file.path}` }));
  const staged = await it.blobs.stage(writeZip(files, at));
  return { staged, packed: { ...content, archive: staged } };
}

/** A skill `skill_<name>` of this name with a first version `skver_<name>1`. */
async function put(it: It, name: string, nowUs = atUs): Promise<SkillWithVersion> {
  const { staged, packed } = await pack(it, bundle(name));
  const made = createSkill(packed, null, { id: `skill_${name}`, versionId: `skver_${name}1`, nowUs });
  await it.collections.skills.insert(made, staged);
  return made;
}

async function add(it: It, name: string, rank: number, nowUs = atUs) {
  const { staged, packed } = await pack(it, bundle(name, `description ${rank}`));
  return it.collections.skillVersions.insert(`skill_${name}`, staged, (skill) =>
    addVersion(skill, packed, { versionId: `skver_${name}${rank}`, nowUs }),
  );
}

/** Whether the content of a version can be read. */
async function isKept(it: It, made: SkillWithVersion | null): Promise<boolean> {
  try {
    return (await collected(it.blobs.read(made?.version.archive.sha256 ?? ''))).length > 0;
  } catch {
    return false;
  }
}

/** What every implementation of the skill collections keeps to. */
export function skillsContract(make: MakeStore): void {
  const open = () => openSubject(make);
  describe('skills', () => skillTests(open));
  describe('skill versions', () => versionTests(open));
}

function skillTests(open: () => Promise<Subject>): void {
  test('one that is not there is null, and is not removed', async () => {
    await using it = await open();
    assert.equal(await it.collections.skills.get('skill_0'), null);
    assert.equal(await it.collections.skills.remove('skill_0'), false);
  });

  test('come with a first version and its archive', async () => {
    await using it = await open();
    const { skill, version } = await put(it, 'a');
    assert.deepEqual(await it.collections.skills.get('skill_a'), skill);
    assert.deepEqual(await it.collections.skillVersions.get('skill_a', 'skver_a1'), version);
    assert.ok(await isKept(it, { skill, version }));
  });

  test('a second one of the name is refused, and leaves nothing', async () => {
    await using it = await open();
    const first = await put(it, 'a');
    const { staged, packed } = await pack(it, bundle('a', 'other'));
    const second = createSkill(packed, null, { id: 'skill_b', versionId: 'skver_b1', nowUs: atUs });
    await assert.rejects(
      it.collections.skills.insert(second, staged),
      refusal('conflict', 'skill_name_taken'),
    );
    assert.deepEqual(
      (await it.collections.skills.page(every)).map(({ item }) => item),
      [first.skill],
    );
    assert.equal(await it.collections.skillVersions.get('skill_b', 'skver_b1'), null);
    await it.collections.skills.remove('skill_a');
    await it.collections.skills.insert(second, staged);
    assert.deepEqual(await it.collections.skills.get('skill_b'), second.skill);
    assert.deepEqual([await isKept(it, first), await isKept(it, second)], [false, true]);
  });

  test('of two at once with one name, one is refused', async () => {
    await using it = await open();
    const { packed } = await pack(it, bundle('a'));
    const outcomes = await Promise.allSettled(
      ['1', '2', '3'].map(async (id) => {
        const birth = { id: `skill_${id}`, versionId: `skver_${id}`, nowUs: atUs };
        const made = createSkill(packed, null, birth);
        await it.collections.skills.insert(made, (await pack(it, bundle('a'))).staged);
        return made;
      }),
    );
    assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected', 'rejected']);
    const made = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    assert.ok(await isKept(it, made[0] ?? null));
  });

  test('may have the name of a skill in another workspace, which is not there', async () => {
    await using it = await open();
    await put(it, 'a');
    const other = it.workspace('wrkspc_2');
    const { skills, skillVersions } = other.collections;
    assert.equal(await skills.get('skill_a'), null);
    assert.equal(await skills.remove('skill_a'), false);
    assert.equal(await skillVersions.get('skill_a', 'skver_a1'), null);
    assert.equal(await skillVersions.get('skill_a', 'latest'), null);
    assert.equal(await skillVersions.remove('skill_a', 'latest', never), null);
    assert.equal(await add({ ...other, blobs: it.blobs }, 'a', 2), null);
    assert.deepEqual(await skills.page(every), []);
    assert.deepEqual(await skillVersions.page('skill_a', every), []);
    const { staged, packed } = await pack(it, bundle('a'));
    const twin = createSkill(packed, null, { id: 'skill_2', versionId: 'skver_2', nowUs: atUs });
    await skills.insert(twin, staged);
    assert.deepEqual(await skills.get('skill_2'), twin.skill);
    await it.collections.skills.remove('skill_a');
    assert.ok(await isKept(it, twin), 'content that two workspaces have is kept for the other');
  });

  test('take their versions and archives along', async () => {
    await using it = await open();
    const first = await put(it, 'a');
    const second = await add(it, 'a', 2);
    const kept = await put(it, 'b');
    assert.equal(await it.collections.skills.remove('skill_a'), true);
    assert.equal(await it.collections.skills.remove('skill_a'), false);
    assert.equal(await it.collections.skillVersions.get('skill_a', 'skver_a1'), null);
    assert.equal(await it.readSkill('skill_a', 'skver_a2'), null);
    assert.deepEqual([await isKept(it, first), await isKept(it, second)], [false, false]);
    assert.deepEqual(await it.collections.skillVersions.page('skill_a', every), []);
    assert.deepEqual(await it.collections.skillVersions.get('skill_b', 'latest'), kept.version);
    assert.ok(await isKept(it, kept));
  });

  test('are listed by the time of creation, then id', async () => {
    await using it = await open();
    const made = [await put(it, 'c', atUs + 1), await put(it, 'b'), await put(it, 'a')];
    await add(it, 'a', 2, atUs + 9);
    const [c, b] = made.map(({ skill }) => skill);
    const a = await it.collections.skills.get('skill_a');
    await assertPages((query) => it.collections.skills.page(query), [a, b, c]);
  });
}

function versionTests(open: () => Promise<Subject>): void {
  test('are made from the skill as it is, and make it what it is next', async () => {
    await using it = await open();
    const first = await put(it, 'a');
    const added = await Promise.all([add(it, 'a', 2, atUs + 5), add(it, 'a', 3, atUs + 5)]);
    const [second, third] = added
      .flatMap((made) => made ?? [])
      .sort((a, b) => a.version.number - b.version.number);
    const numbers = [first, second, third].map((made) => (made?.version.number ?? 0) - atUs);
    assert.deepEqual(numbers, [0, 5, 6]);
    assert.deepEqual(await it.collections.skills.get('skill_a'), third?.skill);
    assert.equal(await add(it, 'nobody', 2), null);
  });

  test('a rule that throws leaves nothing', async () => {
    await using it = await open();
    const made = await put(it, 'a');
    const { staged, packed } = await pack(it, bundle('a', 'other'));
    await assert.rejects(
      it.collections.skillVersions.insert('skill_a', staged, no),
      refusal('invalid_request'),
    );
    await it.blobs.discard(staged);
    await assert.rejects(
      it.collections.skillVersions.remove('skill_a', 'skver_a1', no),
      refusal('invalid_request'),
    );
    assert.deepEqual(await it.collections.skills.get('skill_a'), made.skill);
    assert.equal((await it.collections.skillVersions.page('skill_a', every)).length, 1);
    assert.ok(await isKept(it, made));
    const lost = createSkill(packed, null, { id: 'skill_x', versionId: 'skver_x', nowUs: atUs });
    assert.equal(await isKept(it, lost), false);
  });

  test('are found by id, by number and as the latest, below their skill only', async () => {
    await using it = await open();
    const { version } = await put(it, 'a');
    const other = await put(it, 'b');
    const latest = (await add(it, 'a', 2, atUs + 1))?.version;
    const get = (name: string) => it.collections.skillVersions.get('skill_a', name);
    assert.deepEqual(await get('skver_a1'), version);
    assert.deepEqual(await get(String(atUs)), version);
    assert.deepEqual(await get('skver_a2'), latest);
    assert.deepEqual(await get('latest'), latest);
    assert.deepEqual(await it.collections.skillVersions.get('skill_b', String(atUs)), other.version);
    for (const unknown of ['skver_b1', String(atUs + 2), `0${atUs}`, '1e15', '9'.repeat(30), 'Latest', '']) {
      assert.equal(await get(unknown), null, unknown);
    }
  });

  test('have their files, without the directory around them', async () => {
    await using it = await open();
    const first = await put(it, 'a');
    const second = await add(it, 'a', 2);
    const read = async (name: string) => {
      const found = await it.readSkill('skill_a', name);
      const [file] = found?.files ?? [];
      return [found?.version, file?.path, file && Buffer.from(file.bytes).toString(), file?.isExecutable];
    };
    assert.deepEqual(await read('skver_a1'), [first.version, 'SKILL.md', 'a: d', true]);
    assert.deepEqual(await read('latest'), [second?.version, 'SKILL.md', 'a: description 2', true]);
    assert.equal(await it.readSkill('skill_a', 'skver_a3'), null);
    assert.equal(await it.readSkill('skill_b', 'latest'), null);
  });

  test('one that is removed is gone with its archive, and the newest of the others is the latest', async () => {
    await using it = await open();
    const first = await put(it, 'a');
    const second = await add(it, 'a', 2, atUs + 1);
    const third = await add(it, 'a', 3, atUs + 2);
    const remove = (name: string) =>
      it.collections.skillVersions.remove('skill_a', name, (skill, newestLeft) =>
        removeVersion(skill, newestLeft, atUs + 9),
      );
    const latestIs = async (made: SkillWithVersion | null) => {
      const { latest, updatedAtUs } = (await it.collections.skills.get('skill_a')) ?? {};
      assert.deepEqual([latest, updatedAtUs], [made?.skill.latest, atUs + 9]);
      assert.deepEqual(await it.collections.skillVersions.get('skill_a', 'latest'), made?.version);
    };
    assert.deepEqual(await remove('skver_a2'), second?.version);
    await latestIs(third);
    assert.equal(await it.collections.skillVersions.get('skill_a', 'skver_a2'), null);
    assert.deepEqual([await isKept(it, second), await isKept(it, third)], [false, true]);
    assert.equal(await remove('skver_a2'), null);
    assert.deepEqual(await remove(String(atUs + 2)), third?.version);
    await latestIs(first);
    await assert.rejects(remove('skver_a1'), refusal('invalid_request'));
    await latestIs(first);
  });

  test('are listed by their number', async () => {
    await using it = await open();
    const made = [
      await put(it, 'a'),
      await add(it, 'a', 3),
      await add(it, 'a', 2),
      await add(it, 'a', 1.5, atUs + 9),
    ];
    await put(it, 'b');
    await assertPages(
      (query) => it.collections.skillVersions.page('skill_a', query),
      made.map((one) => one?.version),
    );
  });
}

function no(): never {
  throw new Refusal('invalid_request', 'no');
}

function never(): never {
  throw new Error('not to be called');
}
