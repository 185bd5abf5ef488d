import type Docker from 'dockerode';

/** What of the API of Docker and Podman a sandbox needs. Everything rejects with the engine's own words. */
export type Engine = {
  about(): Promise<EngineFacts>;
  /** Brings the image to this machine, unless it is there. */
  pull(image: string): Promise<void>;
  /** Resolves with the id of the container, which runs. */
  start(options: Docker.ContainerCreateOptions): Promise<string>;
  /** Resolves when the container has ended by itself, or the signal says that nobody waits any more. */
  wait(id: string, signal: AbortSignal): Promise<void>;
  kill(id: string): Promise<void>;
  /** The end of what its first process said on standard error. */
  complaint(id: string): Promise<string>;
  /** Resolves when no process of it is left. */
  remove(id: string): Promise<void>;
  /** Ids of all containers with this label, the ended ones too. */
  list(label: string): Promise<readonly string[]>;
};

export type EngineFacts = {
  /** Name and version. */
  readonly name: string;
  /** Its root is the user who runs it. */
  readonly isRootless: boolean;
  readonly boundsMemory: boolean;
  readonly boundsProcesses: boolean;
  readonly cgroupVersion: string;
};

const pauseMs = 50;
const removeTriesMax = 5;

export async function openEngine(socketPath: string): Promise<Engine> {
  // Loaded here: it takes a while, and most servers do without.
  const { default: Client } = await import('dockerode');
  const docker = new Client({ socketPath });

  async function remove(id: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      const refusal = await docker
        .getContainer(id)
        .remove({ force: true, v: true })
        .then(
          () => null,
          (cause: unknown) => cause,
        );
      if (refusal === null || statusOf(refusal) === 404) return;
      if (tries === removeTriesMax) throw refusal;
      // One that is ending just now cannot be removed yet.
      await new Promise((resolve) => setTimeout(resolve, pauseMs * tries));
    }
  }

  return {
    about: () => aboutEngine(docker),
    async pull(image) {
      const isThere = await docker
        .getImage(image)
        .inspect()
        .then(() => true, isUnlessMissing);
      if (isThere) return;
      await follow(docker, await docker.pull(image));
      await docker.getImage(image).inspect();
    },
    async start(options) {
      const container = await docker.createContainer(options);
      await container.start().catch(async (cause: unknown) => {
        await remove(container.id).catch(() => undefined);
        throw cause;
      });
      return container.id;
    },
    async wait(id, signal) {
      await docker
        .getContainer(id)
        .wait({ abortSignal: signal })
        .catch((cause: unknown) => {
          if (!signal.aborted) throw cause;
        });
    },
    async kill(id) {
      await docker.getContainer(id).kill({ signal: 'SIGKILL' });
    },
    async complaint(id) {
      const said = await docker.getContainer(id).logs({ stderr: true, stdout: false, tail: 20 });
      return withoutHeaders(said).trim();
    },
    remove,
    async list(label) {
      const found = await docker.listContainers({ all: true, filters: { label: [label] } });
      return found.map(({ Id }) => Id);
    },
  };
}

/** What goes wrong under way is told among the progress. */
async function follow(docker: Docker, progress: NodeJS.ReadableStream): Promise<void> {
  const told = await new Promise<readonly unknown[]>((resolve, reject) =>
    docker.modem.followProgress(progress, (cause, all) => (cause ? reject(cause) : resolve(all ?? []))),
  );
  for (const one of told) {
    if (typeof one === 'object' && one !== null && 'error' in one && one.error)
      throw new Error(String(one.error));
  }
}

async function aboutEngine(docker: Docker): Promise<EngineFacts> {
  const [version, info] = await Promise.all([docker.version(), docker.info()]);
  const security: readonly string[] = info.SecurityOptions ?? [];
  const { Name = 'Docker Engine', Version = version.Version } = version.Components?.[0] ?? {};
  return {
    name: `${Name === 'Engine' ? 'Docker Engine' : Name} ${Version}`,
    isRootless: info.Rootless === true || security.some((option) => option.includes('rootless')),
    boundsMemory: info.MemoryLimit === true,
    boundsProcesses: info.PidsLimit === true,
    cgroupVersion: String(info.CgroupVersion ?? 1),
  };
}

function statusOf(cause: unknown): number | null {
  return cause instanceof Error && 'statusCode' in cause && typeof cause.statusCode === 'number'
    ? cause.statusCode
    : null;
}

function isUnlessMissing(cause: unknown): false {
  if (statusOf(cause) === 404) return false;
  throw cause;
}

/** Logs come in pieces: a byte that names the stream, three unused, the length as a big-endian u32, then the text. */
function withoutHeaders(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at + 8 <= bytes.length; ) {
    const end = at + 8 + bytes.readUInt32BE(at + 4);
    text += bytes.subarray(at + 8, end).toString();
    at = end;
  }
  return text;
}
