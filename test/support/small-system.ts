import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { listening } from './local-servers.ts';
import { registryHost } from './registries.ts';

const shell = (script: string, cwd: string) =>
  execFileSync('/bin/bash', ['-euc', script], { cwd, stdio: ['ignore', 'pipe', 'pipe'] }).toString();

/** A server of Debian packages on loopback: `ant-deb`, and `ant-bad` that cannot be configured. */
export async function openMirror(directory: string) {
  const packages = join(directory, 'mirror');
  mkdirSync(packages);
  makePackage(
    packages,
    'ant-deb',
    'chown 7:9 /usr/share/ant-deb; echo "ants:x:7:9::/:/bin/sh" >> /etc/passwd',
  );
  makePackage(packages, 'ant-bad', 'echo the shovel is missing; exit 3');
  writeFileSync(join(packages, 'Packages'), shell('cat *.about', packages));
  const asked: string[] = [];
  const server = await listening(
    createServer(({ url = '' }, response) => {
      asked.push(url);
      try {
        response.end(readFileSync(join(packages, url.replace(/^\/(\.\/)?/, ''))));
      } catch {
        response.writeHead(404).end();
      }
    }),
  );
  const { port } = server.address() as AddressInfo;
  return { asked, url: `http://${registryHost}:${port}`, close: () => server.close() };
}

function makePackage(directory: string, name: string, setUp: string): void {
  const root = join(directory, name);
  mkdirSync(join(root, 'DEBIAN'), { recursive: true });
  mkdirSync(join(root, 'usr/bin'), { recursive: true });
  mkdirSync(join(root, `usr/share/${name}`), { recursive: true });
  const control = `Package: ${name}\nVersion: 1.0\nArchitecture: all\nMaintainer: ants <ants@test>\nDescription: a test\n`;
  writeFileSync(join(root, 'DEBIAN/control'), control);
  writeFileSync(join(root, 'DEBIAN/postinst'), `#!/bin/sh\nset -e\n${setUp}\n`, { mode: 0o755 });
  writeFileSync(join(root, 'usr/bin', name), `#!/bin/sh\necho hello from ${name}\n`, { mode: 0o755 });
  shell(`dpkg-deb --root-owner-group --build ${name} ${name}.deb`, directory);
  const place = `Filename: ./${name}.deb\nSize: $(stat -c %s ${name}.deb)\nSHA256: $(sha256sum ${name}.deb | cut -d' ' -f1)`;
  shell(`printf '%s' '${control}' > ${name}.about; printf '%b\\n\\n' "${place}" >> ${name}.about`, directory);
  rmSync(root, { recursive: true });
}

const programs =
  'bash sh cat chmod chown cp ls mkdir mv rm touch id stat tar gzip xz dpkg dpkg-deb dpkg-split dpkg-query apt-get ldconfig start-stop-daemon grep diff';

/** The smallest system of this machine's own files in which apt works, with `mirror` as its only source. */
export function makeSmallSystem(root: string, mirror: string): void {
  mkdirSync(root);
  shell(
    `for name in bin sbin lib lib64; do mkdir -p usr/$name; ln -s usr/$name $name; done
    mkdir -p etc/apt/apt.conf.d etc/apt/preferences.d etc/dpkg/dpkg.cfg.d tmp root home opt
    mkdir -p var/lib/dpkg/info var/lib/dpkg/updates var/lib/dpkg/triggers var/lib/apt/lists/partial var/cache/apt/archives/partial var/log/apt
    touch var/lib/dpkg/status
    programs=$(for name in ${programs}; do PATH=$PATH:/usr/sbin:/sbin command -v $name; done)
    parts="$programs $(ls /usr/lib/apt/methods/http /usr/lib/apt/methods/store /usr/lib/apt/methods/copy /usr/lib/apt/methods/file)"
    needed=$(ldd $parts 2>/dev/null | grep -o '/[^ :]*' | grep -v ':$' | sort -u)
    cp --dereference --parents $parts $needed .
    mkdir -p usr/share; cp -r /usr/share/dpkg usr/share
    cp /etc/nsswitch.conf etc
    echo 'root:x:0:0:root:/root:/bin/bash' > etc/passwd
    echo 'root:x:0:' > etc/group
    echo 'secret' > etc/shadow; chmod 600 etc/shadow
    echo 'deb [trusted=yes] ${mirror} ./' > etc/apt/sources.list`,
    root,
  );
}
