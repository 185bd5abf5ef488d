import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { birthOf } from '../../test/contract/subject.ts';
import type { SkillReference } from '../protocol/agent-tools.ts';
import type { SessionAgent } from '../protocol/sessions.ts';
import type { FindSkill } from './agent-skills.ts';
import { resolveSkills, sessionSkills } from './agent-skills.ts';
import { skillsPerSessionMax } from './limits.ts';

const number = 1_790_000_000_000_000;
/** One skill of one version, by each of its names. */
const find: FindSkill = ({ type, skill_id, version }) =>
  type === 'custom' &&
  skill_id === 'skill_1' &&
  [null, undefined, 'latest', 'skver_1', String(number)].includes(version)
    ? {
        id: 'skver_1',
        skillId: 'skill_1',
        number,
        name: 'ant',
        description: 'd',
        directory: 'ant',
        archive: { sha256: 'a', bytes: 1 },
        createdAtUs: number,
      }
    : null;
const custom = { type: 'custom', skill_id: 'skill_1' } as const;

describe('references to skills', () => {
  test('are pinned: what is the latest version now, by its id', () => {
    for (const version of [undefined, null, 'latest', 'skver_1']) {
      const [pinned] = resolveSkills([{ ...custom, version }], find);
      assert.deepEqual(pinned, { ...custom, version: 'skver_1' });
    }
    assert.deepEqual(resolveSkills([custom, custom], find).length, 2);
  });

  test('keep the number that a version is called by', () => {
    const version = String(number);
    assert.deepEqual(resolveSkills([{ ...custom, version }], find), [{ ...custom, version }]);
  });

  const refused = [
    [{ ...custom, version: 'skver_2' }, /: skill_id "skill_1" version "skver_2" was not found$/],
    [
      { ...custom, skill_id: 'skill_2' },
      /Agent has invalid configuration: skill_id "skill_2" was not found$/,
    ],
    [{ type: 'anthropic', skill_id: 'skill_1' }, /skill_id "skill_1" was not found: .*no pre-built skills/],
    [{ type: 'anthropic', skill_id: 'xlsx', version: 'latest' }, /skill_id "xlsx" was not found: /],
  ] as const;
  for (const [reference, why] of refused) {
    test(`are refused: ${JSON.stringify(reference)}`, () => {
      assert.throws(() => resolveSkills([custom, reference], find), why);
    });
  }
});

describe('the skills of a session', () => {
  const skills = (count: number, from = 0): SkillReference[] =>
    Array.from({ length: count }, (_, index) => ({
      type: 'custom',
      skill_id: `skill_${from + index}`,
      version: 'skver_1',
    }));
  const agent = (own: SkillReference[], members: SkillReference[] = []): SessionAgent => {
    const { multiagent: _, ...definition } = birthOf({}).agent;
    const member = { ...definition, id: 'agent_2', skills: members };
    return { ...definition, skills: own, multiagent: { type: 'coordinator', agents: [member] } };
  };

  test('are those of all its agents, each once', () => {
    const found = sessionSkills(agent(skills(3), skills(3, 2)));
    assert.deepEqual(found, skills(5));
  });

  test('are at most so many', () => {
    assert.equal(sessionSkills(agent(skills(400), skills(400, 100))).length, skillsPerSessionMax);
    assert.throws(() => sessionSkills(agent(skills(400), skills(400, 101))), /at most 500 skills, not 501/);
  });
});
