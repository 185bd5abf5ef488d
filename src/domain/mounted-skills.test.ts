import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SessionResource } from '../protocol/session-resources.ts';
import { placeSkills, skillsPlace } from './mounted-skills.ts';
import type { KeptSkillVersion } from './skills.ts';

const found = (id: string, name: string | null) => ({
  reference: { type: 'custom' as const, skill_id: id, version: 'skver_1' },
  // Nothing else of it is looked at.
  version: name === null ? null : ({ name, description: `${name}!` } as KeptSkillVersion),
});

describe('skills of a session', () => {
  test('stand in directories of their names; the same name is numbered, and what is gone takes none', () => {
    const skills = [found('1', 'ants'), found('2', null), found('3', 'ants'), found('4', 'ants-2')];
    assert.deepEqual(
      placeSkills('/s', skills).map(({ reference, path }) => [reference.skill_id, path]),
      [
        ['1', '/s/ants'],
        ['3', '/s/ants-2'],
        ['4', '/s/ants-2-2'],
      ],
    );
  });

  const places: readonly (readonly [path: string, place: string])[] = [
    ['/workspace/hill', '/workspace/skills'],
    ['/workspace/skills', '/mnt/skills'],
    ['/workspace/skills/own', '/mnt/skills'],
    ['/workspace/skills-of-ants', '/workspace/skills'],
  ];
  for (const [path, place] of places) {
    test(`stand in ${place} when a repository is at ${path}`, () => {
      const at = '2026-09-21T00:00:00.000000Z';
      const repository: SessionResource = {
        id: 'sesrsc_1',
        type: 'github_repository',
        url: 'https://github.com/ants/hill',
        mount_path: path,
        created_at: at,
        updated_at: at,
      };
      assert.equal(skillsPlace([repository]), place);
    });
  }
});
