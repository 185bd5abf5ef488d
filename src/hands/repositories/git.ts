import { gitOutputBytesMax } from '../../domain/limits.ts';
import { RepositoryProblem } from '../../domain/repositories.ts';
import type { Sandbox, SandboxSpec } from '../../domain/sandbox.ts';

/**
 * The scripts that git is run by, each in a sandbox that no agent is in. Nothing of a repository is ever looked at by
 * the server itself: not its files, nor what its server sends.
 */

/** Of scripts: something is wrong that has a name of its own. */
export const exits = { taken: 20, checkout: 21, there: 22, noGit: 127 } as const;

export type GitRun = { readonly code: number | null; readonly stdout: Buffer; readonly complaint: string };

/** Runs a script of `sh` to its end; an abort kills it. Output beyond a limit is cut off. */
export async function runScript(
  sandbox: Sandbox,
  {
    script,
    args,
    signal,
  }: { readonly script: string; readonly args: readonly string[]; readonly signal: AbortSignal },
): Promise<GitRun> {
  const output: Buffer[] = [];
  let size = 0;
  let complaint = '';
  const running = sandbox.exec({
    argv: ['/bin/sh', '-c', script, 'sh', ...args],
    onStdout(bytes) {
      size += bytes.length;
      if (size <= gitOutputBytesMax) output.push(Buffer.from(bytes));
    },
    onStderr(bytes) {
      complaint = (complaint + Buffer.from(bytes).toString()).slice(-2_000);
    },
  });
  const kill = () => running.kill('SIGKILL');
  if (signal.aborted) kill();
  signal.addEventListener('abort', kill, { once: true });
  running.endInput();
  const { code } = await running.exited;
  signal.removeEventListener('abort', kill);
  return { code, stdout: Buffer.concat(output), complaint };
}

/** What a script that failed says, as a problem of the repository. */
export function gitProblem({ code, complaint }: GitRun, signal: AbortSignal): RepositoryProblem {
  const because = (message: string) => new RepositoryProblem('repository_clone_error', message);
  if (signal.aborted) return because('it took too long');
  if (code === exits.noGit) return because('git is not installed on the machine of this server');
  if (code === null) return because('git was ended: it is too large, or took too much memory');
  const lines = complaint.split('\n').filter((line) => /^(fatal|error): /.test(line));
  const said = (lines.at(0) ?? '')
    .replace(/^\w+: /, '')
    .replace(/[^\x20-\x7e]/g, ' ')
    .trim();
  return because(said === '' ? `git ended with status ${code}` : `git says: ${said.slice(0, 300)}`);
}

const common = {
  GIT_TERMINAL_PROMPT: '0',
  GIT_ASKPASS: '/bin/false',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_ATTR_NOSYSTEM: '1',
  GIT_PROTOCOL_FROM_USER: '0',
};

/** Settings of git for one sandbox: by its environment, so that they are in no file and on no command line. */
export function gitEnvironment(
  settings: readonly (readonly [name: string, value: string])[],
): SandboxSpec['environment'] {
  const all = [
    ['core.hooksPath', '/dev/null'],
    ['core.fsmonitor', 'false'],
    ['submodule.recurse', 'false'],
    ['protocol.allow', 'never'],
    ['gc.autoDetach', 'false'],
    ['advice.detachedHead', 'false'],
    ['init.defaultBranch', 'main'],
    ...settings,
  ];
  const numbered = all.flatMap(([name = '', value = ''], index) => [
    [`GIT_CONFIG_KEY_${index}`, name],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  return { ...common, GIT_CONFIG_COUNT: String(all.length), ...Object.fromEntries(numbered) };
}

const begin = `set -eu
umask 022
command -v git > /dev/null || exit ${exits.noGit}
`;

/**
 * Arguments: URL, HEAD or nothing, a commit that is wanted or nothing. Brings the mirror in /workspace in line with the
 * repository, and prints its size in KiB. Locks and half packs of a run that was killed go first: nobody else is here.
 */
export const fetchScript = `${begin}
url=$1 head=$2 wanted=$3
cd /workspace
find . -name '*.lock' -delete
rm -f objects/pack/tmp_*
git init --quiet --bare --template= .
git fetch --quiet --force --prune --no-tags --no-recurse-submodules "$url" '+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*'
test -z "$head" || git symbolic-ref HEAD "$head"
git update-ref -d refs/anthill/wanted
if test -n "$wanted" && test -z "$(git for-each-ref --count=1 --contains "$wanted" 2> /dev/null)"; then
  for attempt in 1 2; do
    git fetch --quiet --no-tags "$url" "+$wanted:refs/anthill/wanted" 2> /dev/null && break || true
  done
fi
du -sk . | cut -f 1
`;

/**
 * Arguments: URL, \`branch\`, \`commit\` or nothing, and which. Clones the mirror into /workspace, through the protocol: only
 * what its branches and tags lead to gets there.
 */
export const cloneScript = `${begin}
url=$1 kind=$2 which=$3
cd /workspace
git clone --quiet --no-local --no-checkout --template= --origin origin /mnt/mirror . 2> /tmp/said || { cat /tmp/said >&2; exit 1; }
git remote set-url origin "$url"
case $kind in
branch)
  git check-ref-format --branch "$which" > /dev/null 2>&1 || exit ${exits.checkout}
  git rev-parse --quiet --verify "refs/remotes/origin/$which^{commit}" > /dev/null || exit ${exits.checkout}
  git checkout --quiet -B "$which" --track "refs/remotes/origin/$which" ;;
commit)
  git fetch --quiet /mnt/mirror refs/anthill/wanted 2> /dev/null || true
  found=
  for object in $(git rev-parse --disambiguate="$which"); do
    test "$(git cat-file -t "$object")" != commit || found="$found $object"
  done
  set -- $found
  test $# = 1 || exit ${exits.checkout}
  git checkout --quiet --detach "$1" ;;
*)
  ! git rev-parse --quiet --verify 'HEAD^{commit}' > /dev/null || git checkout --quiet ;;
esac
rm -f .git/FETCH_HEAD
`;

/** Names of the skills of the commit in /workspace, NUL after each. */
export const skillsScript = `${begin}
cd /workspace
! git rev-parse --quiet --verify 'HEAD^{commit}' > /dev/null || git ls-tree -z -d --name-only HEAD .claude/skills/
`;

/** Arguments: the directory of a skill, how many bytes. */
export const skillScript = `${begin}
cd /workspace
git cat-file blob "HEAD:$1/SKILL.md" | head -c "$2"
`;

/**
 * Arguments: the place in the workspace, a name for what is not whole yet, and the URL. A workspace that was brought from
 * elsewhere may have the repository already. Copies the clone at /mnt/clone there. git is
 * not run here: what the agent left in its workspace could tell git to run more.
 */
export const placeScript = `set -eu
target=$1 incoming=/workspace/.$2 url=$3
if grep -qsxF "	url = $url" "$target/.git/config"; then exit ${exits.there}; fi
if test -e "$target" || test -L "$target"; then rmdir -- "$target" 2> /dev/null || exit ${exits.taken}; fi
rm -rf -- "$incoming"
cp -a -- /mnt/clone "$incoming"
parent=$(dirname -- "$target")
mkdir -p -- "$parent"
case $(readlink -f -- "$parent")/ in
/workspace/*) ;;
*) exit 1 ;;
esac
mv -T -- "$incoming" "$target"
`;
