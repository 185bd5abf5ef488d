/** What a server does; by default everything. */
export const roleNames = ['api', 'brain', 'hands', 'scheduler'] as const;
export type Role = (typeof roleNames)[number];
export type Roles = ReadonlySet<Role>;

type Mistake = new (message: string) => Error;

/** `given`: names with commas between them, or a list. Servers that share no database have nobody who would do the rest. */
export function rolesOf(given: unknown, isShared: boolean, Mistake: Mistake): Roles {
  const names = listOf(given, Mistake);
  const roles = new Set(names.map((name) => roleOf(name, Mistake)));
  if (roles.size === 0) return new Set(roleNames);
  const missing = roleNames.filter((role) => !roles.has(role));
  if (!isShared && missing.length > 0)
    throw new Mistake(
      `roles: without DATABASE_URL this server is alone, and nobody would be ${missing.join(', ')}; leave out --roles`,
    );
  if (roles.has('hands') && !roles.has('brain'))
    throw new Mistake(
      'roles: sandboxes are where the brain of their session is, so that hands need brain too; for tools on other machines use anthill worker',
    );
  return roles;
}

function listOf(given: unknown, Mistake: Mistake): readonly unknown[] {
  if (given === undefined) return [];
  if (typeof given === 'string') return given.split(',').map((name) => name.trim());
  if (Array.isArray(given) && given.length > 0) return given;
  throw new Mistake(`roles: must be a list of ${roleNames.join(', ')}`);
}

function roleOf(name: unknown, Mistake: Mistake): Role {
  const known = roleNames.find((role) => role === name);
  if (known) return known;
  throw new Mistake(`roles: "${String(name)}" is none of ${roleNames.join(', ')}`);
}
