import assert from 'node:assert/strict';
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openDoors } from '../../../test/support/egress.ts';
import { registryHost } from '../../../test/support/registries.ts';
import { bashIn, bubblewrapProvider, specIn, temporaryDirectory } from '../../../test/support/sandbox.ts';
import { makeSmallSystem, openMirror } from '../../../test/support/small-system.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import type { PackageLayer, Packages } from '../../domain/packages.ts';
import { createPackages } from '../packages/packages.ts';
import { createImages } from './images.ts';

const isRoot = process.getuid?.() === 0;
const skip =
  isRoot && existsSync('/usr/lib/apt/methods/http')
    ? false
    : 'packages of apt are for servers that run as root, and are tested on Debian';

describe('packages of apt', { skip }, () => {
  const directory = temporaryDirectory();
  const provider = bubblewrapProvider(join(directory.path, 'data'));
  const doors = openDoors(directory.path, { settings: { hosts: { [registryHost]: '127.0.0.1' } } });
  const lists = new Map<string, readonly string[]>();
  let mirror: Awaited<ReturnType<typeof openMirror>>;
  let packages: Packages;

  before(async () => {
    mirror = await openMirror(directory.path);
    const image = join(directory.path, 'small');
    makeSmallSystem(image, mirror.url);
    packages = packagesOf({ image });
  });
  after(async () => {
    await packages.close();
    mirror.close();
    directory[Symbol.dispose]();
  });

  const none = { cargo: [], gem: [], go: [], npm: [], pip: [] };
  function packagesOf(settings: { image: string; type?: 'host' | 'image' }): Packages {
    const debian = { mirror: null, suite: 'bookworm', include: [] };
    return createPackages({
      directory: join(directory.path, 'packages'),
      images: createImages({
        directory: join(directory.path, 'images'),
        settings: { type: 'host', ...debian, ...settings },
        isRoot,
        path: '',
        log: silentLog,
      }),
      configOf: async (id) => ({
        type: 'cloud',
        networking: { type: 'unrestricted' },
        packages: { ...none, apt: [...(lists.get(id) ?? [])] },
      }),
      usualSystem: async () => [],
      provider,
      doors,
      variables: {},
      clock: systemClock,
      log: silentLog,
    });
  }

  function layerOf(apt: readonly string[], from = packages): Promise<PackageLayer> {
    lists.set(apt.join(), apt);
    return from.layerFor(apt.join(), AbortSignal.timeout(60_000));
  }

  let made = 0;
  async function runIn({ system, mounts, environment }: PackageLayer, script: string): Promise<string> {
    made += 1;
    const spec = specIn(directory.path, `session-${made}`);
    const sandbox = await provider.provision(
      { ...spec, environment, mounts: [...spec.mounts, ...mounts], ...(system ? { system } : {}) },
      AbortSignal.timeout(20_000),
    );
    const output = await bashIn(sandbox, script);
    await sandbox.destroy();
    return output.trim();
  }

  test('are installed into an image by its own apt, with its users, and shared', async () => {
    const [one, other] = await Promise.all([layerOf(['ant-deb']), layerOf(['ant-deb'])]);
    assert.deepEqual([one.problem, other.problem], [null, null]);
    assert.equal(one.system?.layer, other.system?.layer);
    assert.equal(mirror.asked.filter((path) => path.endsWith('ant-deb.deb')).length, 1);
    const { uid, gid } = lstatSync(join(one.system?.layer ?? '', 'upper/usr/share/ant-deb'));
    assert.deepEqual([uid % 65_536, gid % 65_536], [600_000_007 % 65_536, 600_000_009 % 65_536]);
    const told = await runIn(one, 'ant-deb; grep ants /etc/passwd; cat /etc/hostname; ls /var/lib/apt/lists');
    assert.equal(told, 'hello from ant-deb\nants:x:7:9::/:/bin/sh\nsandbox');
  });

  test("are no session's to change, nor is the image", async () => {
    const layer = await layerOf(['ant-deb']);
    const script =
      'id -u; for path in /usr/bin/ant-deb /etc/passwd /x /usr/share/ant-deb/x /var/lib/dpkg/status; do echo evil > $path; done; rm /usr/bin/ant-deb; chmod 777 /usr; cat /etc/shadow';
    const told = await runIn(layer, script);
    assert.match(told, /^0\n/);
    assert.equal(told.match(/Read-only file system/g)?.length, 7);
    assert.match(told, /shadow: Permission denied/);
    assert.match(await runIn(layer, 'ant-deb'), /^hello/);
    const image = layer.system?.image ?? '';
    assert.equal(existsSync(join(image, 'usr/bin/ant-deb')), false);
    assert.equal(lstatSync(join(image, 'etc/shadow')).uid, 600_000_000);
  });

  test('do without what cannot be installed', async () => {
    for (const [apt, message] of [
      [['ant-bad'], /apt ended with 100: .*the shovel is missing/s],
      [['ant-none'], /Unable to locate package ant-none/],
    ] as const) {
      const layer = await layerOf(apt);
      assert.match(layer.problem?.type === 'unknown_error' ? layer.problem.message : '', message);
      assert.equal(layer.system, null);
    }
    assert.deepEqual(readdirSync(join(directory.path, 'packages/incoming')), []);
  });

  test('an image that every sandbox has is there without them, and what it has nothing of is not', async () => {
    const always = packagesOf({ image: join(directory.path, 'small'), type: 'image' });
    const layer = await layerOf([], always);
    assert.equal(layer.system?.layer, null);
    const told = await runIn(layer, 'ls /usr/bin | grep -c .; ls /usr/bin/python3; echo x > /usr/x');
    assert.match(told, /^\d+\nls: cannot access '\/usr\/bin\/python3'.*\n.*Read-only file system$/);
  });

  test('an image that is not there is said, and where each sandbox is to have it none is made', async () => {
    const image = join(directory.path, 'missing');
    const layer = await layerOf(['ant-deb'], packagesOf({ image }));
    assert.match(JSON.stringify(layer.problem), /there is no image at /);
    await assert.rejects(layerOf([], packagesOf({ image, type: 'image' })), /there is no image at /);
  });
});
