import { openAsBlob } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, normalize, relative, resolve, sep } from 'node:path';
import { writeZip } from '../base/zip.ts';
import type { Form } from '../protocol/form.ts';
import { typeByName } from '../protocol/media-types.ts';
import { UsageMistake } from './io.ts';

/**
 * The files of a form whose paths mean something: a directory stands for everything in it, and what lies
 * beside or below a SKILL.md is named from the directory that holds it, wherever the command was typed. Where
 * some may be executed, which a form cannot say, all of them go as one archive. A file alone is sent as it is.
 */
export async function directoryFiles(paths: readonly string[], form: Form): Promise<File[]> {
  const found: Found[] = [];
  for (const path of paths) await expand(path, found, form.partsMax);
  const [first] = found;
  if (first && found.length === 1 && first.path === paths[0] && basename(first.path) !== mainFile) {
    return [await fileAt(first.path, basename(first.path))];
  }
  const root = rootOf(paths, found);
  const named = found.map((file) => ({ ...file, name: nameIn(root, file.path) }));
  const size = named.reduce((sum, { bytes }) => sum + bytes, 0);
  // What is too large is for the server to refuse, not for us to hold.
  const isOne = named.every(({ name }) => name.startsWith(`${basename(root)}/`));
  if (isOne && size <= form.filesBytesMax && named.some(({ isExecutable }) => isExecutable)) {
    return [await archiveOf(named, `${basename(root)}.zip`)];
  }
  return await Promise.all(named.map(({ path, name }) => fileAt(path, name)));
}

const mainFile = 'SKILL.md';

type Found = { readonly path: string; readonly bytes: number; readonly isExecutable: boolean };

/** Follows links. The history of a repository is none of its files. */
async function expand(path: string, found: Found[], countMax: number): Promise<void> {
  const about = await stat(path).catch(() => {
    throw unreadable(path);
  });
  if (about.isDirectory()) {
    const names = await readdir(path).catch(() => {
      throw unreadable(path);
    });
    for (const name of names.sort()) {
      if (name !== '.git') await expand(join(path, name), found, countMax);
    }
  } else if (about.isFile()) {
    if (found.length >= countMax) throw new UsageMistake(`there are more than ${countMax} files`);
    found.push({ path, bytes: about.size, isExecutable: (about.mode & 0o111) !== 0 });
  }
}

/** The directory that names begin with: that of the SKILL.md nearest to the top, else the first one given. */
function rootOf(paths: readonly string[], found: readonly Found[]): string {
  const mains = found.map(({ path }) => resolve(path)).filter((path) => basename(path) === mainFile);
  const [nearest] = mains.sort((a, b) => depth(a) - depth(b));
  if (nearest !== undefined) return dirname(nearest);
  const isFile = found.some(({ path }) => path === paths[0]);
  return resolve(isFile ? dirname(paths[0] ?? '.') : (paths[0] ?? '.'));
}

function depth(path: string): number {
  return path.split(sep).length;
}

/** Outside of the root a file keeps the path it was given by: the server says what is wrong with it. */
function nameIn(root: string, path: string): string {
  const below = relative(root, resolve(path));
  const name = below.startsWith('..') ? normalize(path) : join(basename(root), below);
  return name.split(sep).join('/');
}

/** A file that is read while it is sent. */
export async function fileAt(path: string, name: string): Promise<File> {
  const content = await openAsBlob(path).catch(() => {
    throw unreadable(path);
  });
  return new File([content], name, { type: typeByName(path) ?? '' });
}

async function archiveOf(files: readonly (Found & { readonly name: string })[], name: string): Promise<File> {
  const entries = await Promise.all(
    files.map(async ({ path, name: entry, isExecutable }) => ({
      path: entry,
      isExecutable,
      bytes: await readFile(path).catch(() => {
        throw unreadable(path);
      }),
    })),
  );
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of writeZip(entries, new Date())) chunks.push(new Uint8Array(chunk));
  return new File(chunks, name, { type: 'application/zip' });
}

function unreadable(path: string): UsageMistake {
  return new UsageMistake(`cannot read the file "${path}"`);
}
