import { chmod, lchown, lstat, mkdir, opendir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ownEtcFiles } from '../bubblewrap/image-arguments.ts';
import { removeTree } from '../workspaces.ts';

/** More users than that no system has in a sandbox. */
const usersMax = 65_536;
const nobody = 65_534;

/** Where sandboxes put files of their own: a read-only system needs something there to put them over. */
const overlaid = [...ownEtcFiles.map((name) => `etc/${name}`), 'etc/ssl/certs/ca-certificates.crt'];

/** Every sandbox has its own of these. */
export const emptyDirectories = ['dev', 'proc', 'sys', 'run', 'tmp'];

/** Of packages: there are no services to start. */
const policy = 'usr/sbin/policy-rc.d';

/**
 * Makes a tree the system of sandboxes. With `uid`, root of the system becomes that user of this machine, the others
 * follow: a process of another user can then change nothing, although it looks like root where it is.
 */
export async function prepareImage(root: string, uid: number | null): Promise<void> {
  await chmod(root, 0o755);
  for (const name of emptyDirectories) await removeTree(join(root, name));
  await makeFolder(root, 'var/tmp');
  for (const path of overlaid) await makeFile(root, path, '');
  await makeFile(root, policy, '#!/bin/sh\nexit 101\n');
  await chmod(join(root, policy), 0o755);
  if (uid !== null) await shiftUsers(root, uid);
}

/** Links on the way are not followed: they lead to places of this machine. */
async function makeFolder(root: string, path: string): Promise<void> {
  const folders = path.split('/');
  for (const [index] of folders.entries()) {
    const folder = join(root, ...folders.slice(0, index + 1));
    const about = await lstat(folder).catch(() => null);
    if (about === null) await mkdir(folder, { mode: 0o755 });
    else if (!about.isDirectory()) throw new Error(`the image's /${folders.join('/')} is not a directory`);
  }
}

async function makeFile(root: string, path: string, text: string): Promise<void> {
  await makeFolder(root, dirname(path));
  const target = join(root, path);
  const about = await lstat(target).catch(() => null);
  if (about?.isFile() && text === '') return;
  await rm(target, { force: true });
  await writeFile(target, text, { flag: 'wx', mode: 0o644 });
}

async function shiftUsers(path: string, uid: number): Promise<void> {
  const about = await lstat(path);
  const shifted = (id: number) => uid + (id < usersMax ? id : nobody);
  await lchown(path, shifted(about.uid), shifted(about.gid));
  // Changing the owner takes it away, and programs that become root are of no use in a sandbox.
  if (!about.isDirectory()) return;
  for await (const { name } of await opendir(path)) await shiftUsers(join(path, name), uid);
}
