import type { Refusal } from '../protocol/refusal.ts';
import { invalid } from '../protocol/refusal.ts';
import { utf8Bytes } from '../protocol/text.ts';
import { skillBundleBytesMax, skillFilesMax, skillPathBytesMax } from './limits.ts';
import type { SkillIntroduction } from './skill-front-matter.ts';
import { introductionOf } from './skill-front-matter.ts';

export type SkillFile = {
  /** Slashes between its parts. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly isExecutable: boolean;
};

/** An upload that keeps to the rules. The paths of its files are below its directory, `SKILL.md` is one of them. */
export type SkillBundle = SkillIntroduction & {
  readonly directory: string;
  readonly files: readonly SkillFile[];
};

/**
 * The bundle in uploaded files, whose author is not trusted (spec/skills.md, Upload validation). Older
 * clients lose directories on the way: `flatIn` is the directory that files without any are taken to be in.
 */
export function bundleOf(uploaded: readonly SkillFile[], flatIn: string | null = null): SkillBundle {
  const files = uploaded.map((file) => ({ ...file, path: plainPath(file.path) })).filter(isWanted);
  if (files.length === 0) throw bad('Field required');
  if (files.length > skillFilesMax) throw bad(`must contain at most ${skillFilesMax} files`);
  const size = files.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  if (size >= skillBundleBytesMax) throw tooLargeBundle();
  for (const { path } of files) checkPath(path);
  const isFlat = flatIn !== null && files.every(({ path }) => !path.includes('/'));
  const inside = isFlat ? { directory: flatIn, files } : belowOne(files);
  checkDistinct(inside.files);
  const skillMd = inside.files.find(({ path }) => path === 'SKILL.md');
  if (!skillMd) throw bad(`SKILL.md is missing directly inside the directory "${inside.directory}"`);
  return { ...introductionOf(skillMd.bytes, inside.directory), ...inside };
}

export function tooLargeBundle(): Refusal {
  return bad(`a skill must be smaller than ${skillBundleBytesMax / 1024 / 1024} MB, uncompressed`);
}

/** Some programs of Windows write archives with backslashes; a leading `./` says nothing. */
function plainPath(path: string): string {
  return path.replaceAll('\\', '/').replace(/^(\.\/)+/, '');
}

/** Without what macOS leaves in every directory and archive. */
function isWanted({ path }: SkillFile): boolean {
  return !path.startsWith('__MACOSX/') && !/(^|\/)\.DS_Store$/.test(path);
}

function checkPath(path: string): void {
  const problem = pathProblem(path);
  if (problem !== null) throw bad(`the path ${JSON.stringify(path.slice(0, 200))} ${problem}`);
}

const partBytesMax = 255;

function pathProblem(path: string): string | null {
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path)) return 'must not be absolute';
  if (path.length > skillPathBytesMax || utf8Bytes(path) > skillPathBytesMax) {
    return `must be at most ${skillPathBytesMax} bytes`;
  }
  if (!path.isWellFormed() || /[\p{Cc}\u{FFFD}]/u.test(path)) return 'must be printable Unicode';
  const parts = path.split('/');
  if (parts.includes('..')) return 'must not contain ..';
  if (parts.includes('') || parts.includes('.')) return 'must name a file';
  if (parts.some((part) => utf8Bytes(part) > partBytesMax)) {
    return `must have parts of at most ${partBytesMax} bytes`;
  }
  return null;
}

function belowOne(files: readonly SkillFile[]): Pick<SkillBundle, 'directory' | 'files'> {
  const [first = ''] = files[0]?.path.split('/') ?? [];
  const astray = files.find(({ path }) => !path.startsWith(`${first}/`));
  if (astray) {
    throw bad(
      `all files must be in one top-level directory, with SKILL.md directly inside it; ${JSON.stringify(astray.path)} is not in one with the others`,
    );
  }
  return {
    directory: first,
    files: files.map((file) => ({ ...file, path: file.path.slice(first.length + 1) })),
  };
}

/** Two paths are one where letter case or the form of an accent does not count, as on many disks. */
function checkDistinct(files: readonly SkillFile[]): void {
  const seen = new Map<string, string>();
  for (const { path } of files) {
    const twin = seen.get(folded(path));
    if (twin !== undefined) {
      throw bad(`the paths ${JSON.stringify(twin)} and ${JSON.stringify(path)} are the same`);
    }
    seen.set(folded(path), path);
  }
  for (const { path } of files) {
    const parent = parentsOf(path).find((candidate) => seen.has(folded(candidate)));
    if (parent !== undefined) {
      throw bad(`the path ${JSON.stringify(parent)} is a file and a directory`);
    }
  }
}

function folded(path: string): string {
  return path.normalize('NFD').toUpperCase().toLowerCase().normalize('NFC');
}

function parentsOf(path: string): readonly string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}

function bad(problem: string): Refusal {
  return invalid(`files[]: ${problem}`);
}
