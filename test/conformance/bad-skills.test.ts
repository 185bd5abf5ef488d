import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { contents } from '../support/server-contents.ts';
import type { Expected, Sent } from '../support/server-http.ts';
import { assertRefused, call } from '../support/server-http.ts';
import { absent, bad } from '../support/server-refusals.ts';
import type { Part } from '../support/server-skills.ts';
import { formOf, newSkill, skillMd } from '../support/server-skills.ts';
import { zipOf } from '../support/zips.ts';

/** A request that is refused, given the skill `trails` with its only version. */
type Refused = readonly [name: string, sent: (ids: Ids) => Sent | Promise<Sent>, expected: Expected];
type Ids = { readonly id: string; readonly version: string };

const file = (filename: string, content: string | Uint8Array = ''): Part => ['files[]', content, filename];
const good = file('ants/SKILL.md', skillMd('ants'));
const create =
  (...parts: Part[]) =>
  () =>
    formOf('/v1/skills', parts);
const add =
  (...parts: Part[]) =>
  ({ id }: Ids) =>
    formOf(`/v1/skills/${id}/versions`, parts);
const archived = (...entries: Parameters<typeof zipOf>[0]) => create(file('ants.zip', zipOf(entries)));
const skill = { name: 'ants/SKILL.md', content: skillMd('ants') };
const megabytes = (count: number) => new Uint8Array(count * 1024 * 1024);
const old = { 'anthropic-beta': 'skills-2025-10-02' };
const get =
  (path: string, method = 'GET') =>
  () => ({ path, method });

const uploads: readonly Refused[] = [
  ['no parts', create(), bad('files[]: Field required')],
  ['a name but no files', create(['display_name', 'Ants']), bad('files[]: Field required')],
  [
    'no body',
    get('/v1/skills', 'POST'),
    bad(/^content-type: "" is not supported; send multipart\/form-data$/),
  ],
  [
    'JSON',
    () => ({ path: '/v1/skills', body: { files: [] } }),
    bad('content-type: "application/json" is not supported; send multipart/form-data'),
  ],
  ['an unknown field', create(good, ['color', 'red']), bad('color: Extra inputs are not permitted')],
  ['the name of older clients', create(good, ['display_title', 'A']), bad(/^display_title: Extra inputs/)],
  [
    'the name of today, twice',
    create(good, ['display_name', 'A'], ['display_name', 'B']),
    bad('display_name: must be given once'),
  ],
  ['an empty name', create(good, ['display_name', '']), bad('display_name: must be at least 1 character')],
  [
    'a long name',
    create(good, ['display_name', 'é'.repeat(256)]),
    bad('display_name: must be at most 255 characters'),
  ],
  ['a name of two lines', create(good, ['display_name', 'a\nb']), bad('display_name: must be a single line')],
  ['a file as a name', create(good, ['display_name', '\xff\xfe\x00', 'a.txt']), bad(/^display_name: /)],
  ['text as a file', create(['files[]', 'hello']), bad(/^files\[\]: the path "" must name a file$/)],
  ['files outside a directory', create(file('SKILL.md', skillMd('ants'))), bad(/one top-level directory/)],
  ['files of two directories', create(good, file('bees/a')), bad(/one top-level directory/)],
  ['no SKILL.md', create(file('ants/README.md')), bad(/^files\[\]: SKILL\.md is missing directly inside/)],
  ['a path upwards', create(good, file('ants/../../etc/passwd')), bad(/must not contain \.\./)],
  ['an absolute path', create(file('/ants/SKILL.md', skillMd('ants'))), bad(/must not be absolute/)],
  ['a path twice', create(good, file('ants/a'), file('ants/A')), bad(/"a" and "A" are the same/)],
  ['a bad name', create(file('ants/SKILL.md', skillMd('Ants'))), bad(/^SKILL\.md: frontmatter name must be/)],
  [
    'bad YAML',
    create(file('ants/SKILL.md', '---\na: b: c\n---\n')),
    bad(/^SKILL\.md: its YAML frontmatter is/),
  ],
  ['no UTF-8', create(file('ants/SKILL.md', Uint8Array.of(0xff))), bad('SKILL.md: must be UTF-8 text')],
  [
    'too many files',
    create(...Array.from({ length: 1_001 }, (_, i) => file(`a/${i}`))),
    bad(/at most 1000 files/),
  ],
  ['far too many parts', create(...Array.from({ length: 1_200 }, () => good)), bad(/more than 1100 parts/)],
  [
    'too much',
    create(good, file('ants/big', megabytes(30))),
    bad('files[]: a skill must be smaller than 30 MB, uncompressed'),
  ],
  [
    'far too much',
    create(good, file('ants/big', megabytes(66))),
    { status: 413, type: 'request_too_large', message: /exceeds the maximum size/ },
  ],
];

const archives: readonly Refused[] = [
  ['no archive', create(file('ants.zip', 'hello')), bad(/^files\[\]: the zip archive cannot be used: /)],
  ['an empty archive', archived(), bad('files[]: Field required')],
  ['a path upwards', archived(skill, { name: 'ants/../../b' }), bad(/must not contain \.\./)],
  ['an absolute path', archived(skill, { name: '/etc/cron.d/b' }), bad(/must not be absolute/)],
  ['a path of Windows', archived(skill, { name: 'C:\\Windows\\b' }), bad(/must not be absolute/)],
  ['a symbolic link', archived(skill, { name: 'ants/b', content: '/etc', mode: 0o120777 }), bad(/is a link/)],
  [
    'an encrypted file',
    archived(skill, { name: 'ants/b', flags: 1, data: new Uint8Array(12) }),
    bad(/"ants\/b" is encrypted/),
  ],
  ['two files of one path', archived(skill, skill), bad(/"SKILL.md" and "SKILL.md" are the same/)],
  [
    'two files of one path to many a disk',
    archived(skill, { name: 'ants/é' }, { name: 'ants/E\u0301' }),
    bad(/are the same/),
  ],
  ['a wrong checksum', archived({ ...skill, crc: 1 }), bad(/"ants\/SKILL.md" is damaged/)],
  [
    'a bomb',
    archived(skill, { name: 'ants/b', content: megabytes(31), method: 8 }),
    bad(/larger than 31457280 bytes/),
  ],
  [
    'a bomb that hides its size',
    archived(skill, { name: 'ants/b', data: deflateRawSync(megabytes(64)), method: 8, size: 1_000 }),
    bad(/"ants\/b" is damaged/),
  ],
];

const others: readonly Refused[] = [
  [
    'a name that is taken',
    create(file('ants/SKILL.md', skillMd('trails'))),
    {
      status: 409,
      type: 'conflict_error',
      message: /a skill with the name "trails" already exists/,
      errorCode: 'skill_name_taken',
      details: { skill_name: 'trails' },
    },
  ],
  ['a version of another name', add(good), bad(/the name "ants" must stay "trails"/)],
  ['a version with a display name', add(good, ['display_name', 'A']), bad(/^display_name: Extra inputs/)],
  ['a version without files', add(), bad('files[]: Field required')],
  ['a flat version', add(file('SKILL.md', skillMd('trails'))), bad(/one top-level directory/)],
  [
    'a version of no skill',
    () => formOf('/v1/skills/skill_0/versions', [good]),
    absent('Skill not found: skill_0'),
  ],
  ['no skill', get('/v1/skills/skill_0'), absent('Skill not found: skill_0')],
  ['a pre-built skill', get('/v1/skills/xlsx'), absent('Skill not found: xlsx')],
  ['no skill to delete', get('/v1/skills/skill_0', 'DELETE'), absent('Skill not found: skill_0')],
  ['versions of no skill', get('/v1/skills/skill_0/versions'), absent('Skill not found: skill_0')],
  [
    'no version',
    ({ id }) => ({ path: `/v1/skills/${id}/versions/skver_0` }),
    absent('Skill version not found: skver_0'),
  ],
  [
    'content of no version',
    ({ id }) => ({ path: `/v1/skills/${id}/versions/skver_0/content` }),
    absent('Skill version not found: skver_0'),
  ],
  [
    'deleting the only version',
    ({ id, version }) => ({ path: `/v1/skills/${id}/versions/${version}`, method: 'DELETE' }),
    bad(/cannot delete the only version/),
  ],
  [
    'deleting the only version, as older clients do',
    ({ id, version }) => ({
      path: `/v1/skills/${id}/versions/${version}`,
      method: 'DELETE',
      headers: old,
    }),
    bad(/cannot delete the only version/),
  ],
  [
    'deleting whatever is the latest',
    ({ id }) => ({ path: `/v1/skills/${id}/versions/latest`, method: 'DELETE' }),
    bad(/name the version to delete/),
  ],
  ['a limit too low', get('/v1/skills?limit=0'), bad('limit must be between 1 and 100')],
  ['a limit too high', get('/v1/skills?limit=101'), bad('limit must be between 1 and 100')],
  [
    'a limit of versions too high',
    ({ id }) => ({ path: `/v1/skills/${id}/versions?limit=1001` }),
    bad('limit must be between 1 and 1000'),
  ],
  [
    'an unknown source',
    get('/v1/skills?source=plugin'),
    bad('source: "plugin" is not a valid value; expected one of custom, anthropic'),
  ],
  ['a broken cursor', get('/v1/skills?page=page_x'), bad('page: invalid cursor')],
  ['an unknown parameter', get('/v1/skills?order=asc'), bad('unknown query parameter "order"')],
];

describe('requests about skills that are refused', () => {
  const home = serverHome();
  let server: ServerProcess;
  let ids: Ids;
  before(async () => {
    server = await home.start();
    const { id, latest_version_id } = await newSkill(server.client, 'trails');
    ids = { id, version: latest_version_id };
  });
  after(() => home.remove());

  for (const [noun, cases] of Object.entries({ uploads, archives, others })) {
    describe(noun, () => {
      for (const [title, sent, expected] of cases) {
        test(title, async () => {
          const earlier = await contents(server);
          assertRefused(await call(server, await sent(ids)), expected);
          assert.deepEqual(await contents(server), earlier);
        });
      }
    });
  }

  test('nothing of this was logged as an error', () => {
    assert.deepEqual(server.errors(), []);
  });
});
