import { existsSync } from 'node:fs';

/** What sandboxes are made with. */
export type SandboxSettings =
  | { readonly provider: 'bubblewrap' }
  | {
      readonly provider: 'container';
      /** Path of the Unix socket of the engine's API. */
      readonly socket: string;
      readonly image: string;
      readonly runtime: string | null;
    };

type Environment = Readonly<Record<string, string | undefined>>;
type Section = Readonly<Record<string, unknown>>;

const imageDefault = 'docker.io/library/debian:12';
const providers: readonly unknown[] = ['bubblewrap', 'container'];

/** `sandbox` of anthill.yaml. Mistakes are thrown as `Mistake`, in one sentence. */
export function sandboxSettingsOf(
  file: Section,
  env: Environment,
  Mistake: new (message: string) => Error,
): SandboxSettings {
  function text(name: string): string | null {
    const value = file[name] ?? null;
    if (value === null || (typeof value === 'string' && value !== '')) return value;
    throw new Mistake(`sandbox.${name}: "${String(value)}" is not a text`);
  }

  const provider = file['provider'] ?? 'bubblewrap';
  if (!providers.includes(provider))
    throw new Mistake(`sandbox.provider: "${String(provider)}" is none of ${providers.join(', ')}`);
  const [socket, image, runtime] = [text('socket'), text('image'), text('runtime')];
  if (provider === 'bubblewrap') {
    if (socket === null && image === null && runtime === null) return { provider: 'bubblewrap' };
    throw new Mistake('sandbox: socket, image and runtime are settings of `provider: container`');
  }
  const path = socket ?? socketOf(env);
  if (!path.startsWith('/'))
    throw new Mistake(`sandbox.socket: "${path}" is not the path of a Unix socket on this machine`);
  return { provider: 'container', socket: path, image: image ?? imageDefault, runtime };
}

/** Where Docker's and Podman's own clients look. */
function socketOf(env: Environment): string {
  const host = env['DOCKER_HOST'] || null;
  if (host !== null) return host.replace(/^unix:\/\//, '');
  const own = env['XDG_RUNTIME_DIR'] ? [`${env['XDG_RUNTIME_DIR']}/podman/podman.sock`] : [];
  const places = ['/var/run/docker.sock', '/run/podman/podman.sock', ...own];
  return places.find((place) => existsSync(place)) ?? '/var/run/docker.sock';
}
