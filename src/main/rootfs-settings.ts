import { resolve } from 'node:path';
import type { RootfsSettings } from '../hands/images/images.ts';

type Section = Readonly<Record<string, unknown>>;
type Mistakes = new (message: string) => Error;

/** What agents find in a Debian that is built here, unless `rootfs.include` says otherwise. */
const includeDefault =
  'ca-certificates curl git jq less nodejs npm procps python3 python3-pip python3-venv ripgrep unzip xz-utils zip'.split(
    ' ',
  );

/** `rootfs` of anthill.yaml: the system that sandboxes see. Mistakes are thrown as `Mistake`, in one sentence. */
export function rootfsSettingsOf(file: Section, cwd: string, Mistake: Mistakes): RootfsSettings {
  const text = (name: string, isGood: RegExp, wanted: string): string | null => {
    const value = file[name] ?? null;
    if (value === null) return null;
    if (typeof value === 'string' && isGood.test(value)) return value;
    throw new Mistake(`rootfs.${name}: "${String(value)}" is not ${wanted}`);
  };
  const type = file['type'] ?? 'host';
  if (type !== 'host' && type !== 'image')
    throw new Mistake(`rootfs.type: "${String(type)}" is neither host nor image`);
  const image = text('image', /./, 'a path');
  const include: unknown = file['include'] ?? includeDefault;
  if (!Array.isArray(include)) throw new Mistake('rootfs.include: must be a list of packages');
  const names = include.map((name: unknown) => {
    if (typeof name === 'string' && /^[a-z0-9][a-z0-9+.-]*$/.test(name)) return name;
    throw new Mistake(`rootfs.include: "${String(name)}" is not the name of a Debian package`);
  });
  return {
    type,
    image: image === null ? null : resolve(cwd, image),
    mirror: text('mirror', /^(https?|file):\/\//, 'the URL of a Debian mirror'),
    suite: text('suite', /^[a-z][a-z-]*$/, 'the name of a Debian release') ?? 'bookworm',
    include: names,
  };
}

/** `packages.variables` of anthill.yaml: registries and mirrors, as the package managers read them. */
export function packageVariablesOf(
  { variables = {} }: Section,
  Mistake: Mistakes,
): Readonly<Record<string, string>> {
  if (typeof variables !== 'object' || variables === null || Array.isArray(variables))
    throw new Mistake('packages.variables: must be a mapping of names to texts');
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]: [string, unknown]) => {
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
        throw new Mistake(`packages.variables: "${name}" is not the name of a variable`);
      if (typeof value === 'string' && !value.includes('\0')) return [name, value] as const;
      throw new Mistake(`packages.variables.${name}: must be a text`);
    }),
  );
}
