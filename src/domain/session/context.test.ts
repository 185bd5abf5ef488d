import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pureSession } from '../../../test/support/pure-session.ts';
import type { AgentToolParams } from '../../protocol/agent-tools.ts';
import type { SessionResource } from '../../protocol/session-resources.ts';
import type { MountedSkill } from '../mounted-skills.ts';
import { contextOf } from './context.ts';

const at = '2026-09-21T00:00:00.000000Z';
const file: SessionResource = {
  id: 'sesrsc_1',
  type: 'file',
  file_id: 'file_1',
  mount_path: '/mnt/session/uploads/data.csv',
  created_at: at,
  updated_at: at,
};
const store: SessionResource = {
  type: 'memory_store',
  memory_store_id: 'memstore_1',
  name: 'Team notes',
  description: 'What the team found out',
  access: 'read_write',
  instructions: 'Keep it short.',
  mount_path: '/mnt/memory/team-notes',
};
const skill: MountedSkill = {
  reference: { type: 'custom', skill_id: 'skill_1', version: 'skver_1' },
  name: 'trails',
  description: 'Follows trails',
  path: '/workspace/skills/trails',
};

/** The system prompt of an agent with this one of its own. */
function promptOf(
  system: string | null,
  resources: readonly SessionResource[] = [],
  around: Parameters<typeof contextOf>[1] & {
    readonly tools?: readonly AgentToolParams[];
    readonly selfHosted?: true;
  } = {},
): string {
  const state = pureSession([...(around.tools ?? [])], {
    resources,
    ...(around.selfHosted ? { selfHosted: true } : {}),
  }).state();
  return contextOf({ ...state, agent: { ...state.agent, system } }, around).system;
}

describe('the system prompt', () => {
  test("is the agent's own, or empty", () => {
    assert.equal(promptOf('Be brief.'), 'Be brief.');
    assert.equal(promptOf(null), '');
  });

  test('says behind it where mounted files are, the same however many there are', () => {
    const hint = promptOf(null, [file]);
    assert.match(hint, /\/mnt\/session\/uploads/);
    assert.equal(promptOf('Be brief.', [file, { ...file, id: 'sesrsc_2' }]), `Be brief.\n\n${hint}`);
  });

  test('tells agents that can write where their work is looked for, but not on machines of workers', () => {
    const tools: readonly AgentToolParams[] = [{ type: 'agent_toolset_20260401' }];
    assert.match(promptOf(null, [], { tools }), /\/mnt\/session\/outputs/);
    assert.equal(promptOf(null, [], { tools, selfHosted: true }), '');
    const reader: readonly AgentToolParams[] = [
      {
        type: 'agent_toolset_20260401',
        default_config: { enabled: false },
        configs: [{ name: 'read', enabled: true }],
      },
    ];
    assert.equal(promptOf(null, [], { tools: reader }), '');
  });

  test('introduces memory stores with all that was said about them', () => {
    const bare: SessionResource = {
      type: 'memory_store',
      memory_store_id: 'memstore_2',
      name: 'Rules',
      description: '',
      access: 'read_only',
      mount_path: '/mnt/memory/rules',
    };
    const prompt = promptOf(null, [store, bare]);
    assert.ok(
      prompt.endsWith(
        [
          '',
          '- /mnt/memory/team-notes (Team notes): can be read and written.',
          '  What the team found out',
          '  Instructions: Keep it short.',
          '- /mnt/memory/rules (Rules): can be read but not changed.',
        ].join('\n'),
      ),
      prompt,
    );
  });

  test('names skills, and where to read on', () => {
    const prompt = promptOf(null, [], { skills: [skill] });
    assert.ok(prompt.endsWith('\n- trails (/workspace/skills/trails/SKILL.md): Follows trails'), prompt);
  });

  test('has its sections in a fixed order', () => {
    const parts = promptOf('Be brief.', [store, file], {
      skills: [skill],
      tools: [{ type: 'agent_toolset_20260401' }],
    }).split('\n\n');
    assert.deepEqual(
      parts.map((part) => /uploads|outputs|memory\/|skills\/|brief/.exec(part)?.[0]),
      ['brief', 'uploads', 'outputs', 'memory/', 'skills/'],
    );
  });
});
