import type { Sent } from '../support/server-http.ts';
import type { Refused } from '../support/server-refusals.ts';
import { absent, bad, describeRefusals, text } from '../support/server-refusals.ts';
import type { Session } from '../support/server-sessions.ts';

type Make = (session: Session) => Sent;

function create(...resources: unknown[]): Make {
  return ({ agent, environment_id }) => ({
    path: '/v1/sessions',
    body: { agent: agent.id, environment_id, resources },
  });
}

const url = 'https://github.com/ants/hill';
const repository = (more: object = {}) => ({ type: 'github_repository', url, ...more });
const store = (id: string, more: object = {}) => ({ type: 'memory_store', memory_store_id: id, ...more });

const urlRule = bad('resources[0].url: must be https://github.com/{owner}/{repo}, without .git');
const urls = [
  'https://github.com/ants/hill.git',
  'https://github.com/ants/hill.GIT',
  'git@github.com:ants/hill.git',
  'ssh://git@github.com/ants/hill',
  'http://github.com/ants/hill',
  'HTTPS://github.com/ants/hill',
  'https://www.github.com/ants/hill',
  'https://github.com.example.com/ants/hill',
  'https://token@github.com/ants/hill',
  'https://github.com:443/ants/hill',
  'https://github.com/ants/hill/',
  'https://github.com/ants/hill/tree/main',
  'https://github.com/ants/hill?a=1',
  'https://github.com/ants/hill#a',
  'https://github.com/ants',
  'https://github.com/ants/..',
  'https://github.com/ants/h ll',
  'https://github.com/-ants/hill',
  'https://github.com//hill',
  'https://gitlab.com/ants/hill',
  ' https://github.com/ants/hill',
  'https://github.com/ants/hill\n',
  'ants/hill',
];

const creates: readonly Refused[] = [
  [
    'resources that are no list',
    ({ agent, environment_id }) => ({
      path: '/v1/sessions',
      body: { agent: agent.id, environment_id, resources: {} },
    }),
    bad('Failed to parse request: resources: expected array, received object'),
  ],
  [
    'a resource of an unknown type',
    create({ type: 'bucket' }),
    bad(
      'Failed to parse request: resources[0].type: "bucket" is not a valid value; expected one of file, github_repository, memory_store',
    ),
  ],
  ['a resource without a type', create({}), bad('resources[0].type is required')],
  [
    'an unknown field in a resource',
    create(repository({ depth: 1 })),
    bad('Failed to parse request body: unknown field "depth"'),
  ],
  [
    'too many resources',
    create(...Array(1001).fill(repository())),
    bad('resources: must contain at most 1000 items'),
  ],
  ...urls.map(
    (each): Refused => [
      `a repository at ${JSON.stringify(each)}`,
      create(repository({ url: each })),
      urlRule,
    ],
  ),
  ['a repository without a url', create({ type: 'github_repository' }), bad('resources[0].url is required')],
  [
    'a url too long',
    create(repository({ url: `https://github.com/ants/${'x'.repeat(2048)}` })),
    bad('resources[0].url: must be at most 2048 characters'),
  ],
  [
    'an empty token',
    create(repository({ authorization_token: '' })),
    bad('resources[0].authorization_token: must be at least 1 character'),
  ],
  [
    'a token too long',
    create(repository({ authorization_token: text(4097) })),
    bad('resources[0].authorization_token: must be at most 4096 characters'),
  ],
  [
    'an unknown kind of checkout',
    create(repository({ checkout: { type: 'tag', name: 'v1' } })),
    bad(
      /^Failed to parse request: resources\[0\]\.checkout\.type: "tag" is not a valid value; expected one of branch, commit/,
    ),
  ],
  [
    'a branch without a name',
    create(repository({ checkout: { type: 'branch', name: '' } })),
    bad('resources[0].checkout.name: must be at least 1 character'),
  ],
  [
    'a branch name too long',
    create(repository({ checkout: { type: 'branch', name: text(256) } })),
    bad('resources[0].checkout.name: must be at most 255 characters'),
  ],
  [
    'a commit too short',
    create(repository({ checkout: { type: 'commit', sha: 'abcdef' } })),
    bad('resources[0].checkout.sha: must be at least 7 characters'),
  ],
  [
    'a commit too long',
    create(repository({ checkout: { type: 'commit', sha: 'a'.repeat(65) } })),
    bad('resources[0].checkout.sha: must be at most 64 characters'),
  ],
  [
    'an empty mount path',
    create(repository({ mount_path: '' })),
    bad('resources[0].mount_path: must be at least 1 character'),
  ],
  [
    'a mount path too long',
    create(repository({ mount_path: `/workspace/${text(4096)}` })),
    bad('resources[0].mount_path: must be at most 4096 characters'),
  ],
  [
    'a repository outside /workspace',
    create(store('memstore_01no'), repository({ mount_path: '/home/ant' })),
    bad('resources[1].mount_path: must be below /workspace'),
  ],
  [
    'a repository in place of the workspace',
    create(repository({ mount_path: '/workspace/' })),
    bad('resources[0].mount_path: must be below /workspace'),
  ],
  [
    'a mount path that climbs',
    create(repository({ mount_path: '/workspace/../etc' })),
    bad('resources[0].mount_path: must not contain ".."'),
  ],
  [
    'a mount path with control characters',
    create(repository({ mount_path: '/workspace/a\u0000' })),
    bad('resources[0].mount_path: must not contain control characters'),
  ],
  [
    'two repositories of one name',
    create(repository(), repository({ url: 'https://github.com/bees/hill' })),
    bad('resources[1]: /workspace/hill is already taken by resources[0]'),
  ],
  [
    'a repository inside another',
    create(repository({ mount_path: '/workspace/hill/nest' }), repository()),
    bad('resources[1]: /workspace/hill overlaps /workspace/hill/nest of resources[0]'),
  ],
  [
    'an unknown memory store',
    create(store('memstore_01no')),
    absent('Memory store not found: memstore_01no'),
  ],
  [
    'a memory store twice',
    create(store('memstore_01no'), repository(), store('memstore_01no')),
    bad('resources: memory store memstore_01no is attached more than once'),
  ],
  [
    'too many memory stores',
    create(...Array.from({ length: 9 }, (_, at) => store(`memstore_${at}`))),
    bad('resources: at most 8 memory stores are allowed'),
  ],
  [
    'a memory store without an id',
    create({ type: 'memory_store' }),
    bad('resources[0].memory_store_id is required'),
  ],
  [
    'an unknown kind of access',
    create(store('memstore_01no', { access: 'write_only' })),
    bad(
      'Failed to parse request: resources[0].access: "write_only" is not a valid value; expected one of read_write, read_only',
    ),
  ],
  [
    'instructions too long',
    create(store('memstore_01no', { instructions: text(4097) })),
    bad('resources[0].instructions: must be at most 4096 characters'),
  ],
  [
    'a mount path for a memory store',
    create(store('memstore_01no', { mount_path: '/mnt/memory/a' })),
    bad('Failed to parse request body: unknown field "mount_path"'),
  ],
];

function update(body: unknown, id = 'sesrsc_01no'): Make {
  return (session) => ({ path: `/v1/sessions/${session.id}/resources/${id}`, body });
}

const updates: readonly Refused[] = [
  ['without a token', update({}), bad('authorization_token is required')],
  [
    'with a token of the wrong type',
    update({ authorization_token: null }),
    bad('Failed to parse request: authorization_token: expected string, received null'),
  ],
  [
    'with an empty token',
    update({ authorization_token: '' }),
    bad('authorization_token: must be at least 1 character'),
  ],
  [
    'with a token too long',
    update({ authorization_token: text(4097) }),
    bad('authorization_token: must be at most 4096 characters'),
  ],
  [
    'of another field',
    update({ authorization_token: 'a', mount_path: '/workspace/b' }),
    bad('Failed to parse request body: unknown field "mount_path"'),
  ],
  [
    'of an unknown resource',
    update({ authorization_token: 'a' }),
    absent('Session resource not found: sesrsc_01no'),
  ],
];

describeRefusals('a bad session resource is refused and changes nothing', {
  'created with a session': creates,
  'an update': updates,
});
