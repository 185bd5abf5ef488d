import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Tools } from '../../../test/support/tools.ts';
import { answered, openTools, refused } from '../../../test/support/tools.ts';

const terminated = refused('bash: bash session terminated');

describe('bash', () => {
  let tools: Tools;
  before(async () => {
    tools = await openTools();
  });
  after(() => tools.close());

  const answers: readonly (readonly [
    name: string,
    command: string,
    text: string | RegExp,
    isError?: boolean,
  ])[] = [
    ['both outputs arrive in the order they were written', 'echo 1; echo 2 >&2; echo 3', '1\n2\n3'],
    ['silence has words', 'true', '(no output)'],
    ['only final newlines are taken away', "printf '\\n a \\n\\n b\\n\\n'", '\n a \n\n b'],
    [
      'a failing command is an error with what it printed',
      'echo no; exit_with() { return 3; }; exit_with',
      'no',
      true,
    ],
    ['a failing command that is silent tells its code', '(exit 42)', 'exit 42', true],
    ['a missing program is an error', 'nosuchprogram', /nosuchprogram: command not found$/, true],
    ['a signal is an error', '(kill -9 $BASHPID)', /Killed/, true],
    ['standard input is empty', 'cat; read -r line; echo "got:$line"', 'got:'],
    [
      'a heredoc is read by its command only',
      "cat <<'END'\nit's $HOME\nEND\necho after",
      "it's $HOME\nafter",
    ],
    [
      'quotes, dollars and backslashes reach the shell as they are',
      `echo 'a"b' "c'd" \\$x '\\n'`,
      `a"b c'd $x \\n`,
    ],
    [
      'an open group does not swallow the end of the call',
      '{ echo a',
      /syntax error: unexpected end of file$/,
      true,
    ],
    [
      'a stray closing brace is a syntax error, no more',
      '} ; echo b',
      /syntax error near unexpected token `}'/,
      true,
    ],
    ['colours are taken out', "printf '\\033[31mred\\033[0m \\033]0;title\\007plain'", 'red plain'],
    ['what is no text becomes a replacement character', "printf 'a\\xff\\xfeb\\0c'", 'a��b�c'],
    [
      'characters stay whole wherever the pipe cuts them',
      'for i in 1 2 3; do printf "\\xe2\\x82"; sleep 0.01; printf "\\xac"; done',
      '€€€',
    ],
    ['no command can write the end marker', 'echo x >&9', /Bad file descriptor$/, true],
    ['a last comment does not hide the end', 'echo a # comment', 'a'],
    ['a line that goes on ends with the command', 'echo a \\', 'a'],
    ['and leaves the next command alone', 'echo b', 'b'],
    [
      'a function called printf does not hide the end',
      'printf() { echo mine; }; printf; unset -f printf',
      'mine',
    ],
    ['commands of several lines run in order', 'for i in 1 2; do\n  echo $i\ndone\n\necho end', '1\n2\nend'],
  ];
  for (const [name, command, text, isError = false] of answers) {
    test(name, async () => {
      const answer = await tools.bash(command);
      assert.equal(answer.isError, isError);
      if (typeof text === 'string') assert.equal(answer.text, text);
      else assert.match(answer.text ?? '', text);
    });
  }

  test('directory, variables, functions, options and redirections stay from call to call', async () => {
    await tools.bash('cd /tmp; x=5; export Y=6; f() { echo "f $1"; }; shopt -s nullglob; exec 7>/tmp/seven');
    const state = 'pwd; echo $x; bash -c "echo \\$Y"; f 7; echo /nothing*; echo written >&7; cat /tmp/seven';
    assert.deepEqual(await tools.bash(state), answered('/tmp\n5\n6\nf 7\n\nwritten'));
    await tools.bash('exec >/tmp/redirected');
    assert.deepEqual(await tools.bash('echo there'), answered('(no output)'));
    assert.deepEqual(
      await tools.call('bash', { command: 'cat /tmp/redirected', restart: true }),
      answered('there'),
    );
  });

  test('restart forgets the session, and may bring the first command of the next', async () => {
    await tools.bash('cd /tmp; x=5; sleep 500 &');
    assert.deepEqual(await tools.call('bash', { restart: true }), answered('bash session restarted'));
    assert.deepEqual(await tools.bash('pwd; echo "x=$x"; pgrep -c sleep'), refused('/workspace\nx=\n0'));
    const both = await tools.call('bash', { restart: true, command: 'echo "first"' });
    assert.deepEqual(both, answered('first'));
  });

  test('exit ends the session, the next command begins another', async () => {
    for (const end of ['exit', 'exit 3', 'exec true', 'kill -9 $$', 'set -e; false']) {
      await tools.bash('x=5');
      assert.deepEqual(await tools.bash(end), terminated, end);
      assert.deepEqual(await tools.bash('echo "x=$x"'), answered('x='), end);
    }
    assert.deepEqual(
      await tools.bash('echo last words; exit'),
      refused('last words\nbash: bash session terminated'),
    );
  });

  test('a job in the background does not keep its call, and lives on', async () => {
    assert.equal((await tools.bash('sleep 500 & echo $! > /tmp/pid')).isError, false);
    assert.deepEqual(await tools.bash('kill -0 $(cat /tmp/pid) && echo alive'), answered('alive'));
    assert.deepEqual(await tools.bash('kill $(cat /tmp/pid)'), answered('(no output)'));
  });

  test('what a job says while nobody listens belongs to no later call', async () => {
    await tools.bash('{ until [ -e /tmp/go ]; do sleep 0.01; done; echo late; touch /tmp/said; } & true');
    await tools.sandbox.writeFile('/tmp/go', Buffer.alloc(0));
    const said = await tools.call('read', { file_path: '/tmp/said' });
    for (let i = 0; said.isError && i < 500; i++) {
      if (!(await tools.call('read', { file_path: '/tmp/said' })).isError) break;
    }
    assert.deepEqual(await tools.bash('echo mine'), answered('mine'));
  });

  test('a timeout says so, keeps what was printed, kills all and begins anew', async () => {
    const slow = 'x=5; setsid sleep 500 & echo begun; while true; do sleep 1; done';
    assert.deepEqual(
      await tools.bash(slow, { timeout_ms: 200 }),
      refused('begun\nbash: bash command timed out after 200ms'),
    );
    assert.deepEqual(await tools.bash('echo "x=$x"; pgrep -c sleep'), refused('x=\n0'));
  });

  test('an abort ends the whole tree before it is answered, whatever signals are ignored', async () => {
    const aborted = new AbortController();
    const command =
      "trap '' TERM INT HUP; (setsid sleep 501 & setsid sleep 502 &) ; touch /tmp/up; while :; do :; done";
    const running = tools.call('bash', { command }, aborted.signal);
    while ((await tools.call('read', { file_path: '/tmp/up' })).isError);
    aborted.abort();
    assert.deepEqual(await running, refused('bash: aborted'));
    assert.deepEqual(await tools.bash('pgrep -c sleep; echo usable'), answered('0\nusable'));
  });

  test('calls that wait for an aborted one do not run', async () => {
    const aborted = new AbortController();
    const first = tools.call('bash', { command: 'sleep 500' }, aborted.signal);
    const second = tools.call('bash', { command: 'touch /tmp/second' }, aborted.signal);
    aborted.abort();
    assert.deepEqual(await Promise.all([first, second]), [
      refused('bash: aborted'),
      refused('bash: aborted'),
    ]);
    assert.equal((await tools.call('read', { file_path: '/tmp/second' })).isError, true);
  });

  test('parallel calls take turns in one session, in the order they came', async () => {
    await tools.bash('n=0');
    const calls = Array.from({ length: 20 }, () => tools.bash('n=$((n + 1)); echo $n'));
    const texts = (await Promise.all(calls)).map(({ text }) => text);
    assert.deepEqual(
      texts,
      Array.from({ length: 20 }, (_, index) => String(index + 1)),
    );
  });

  test('no output is lost or comes late, however short the command', async () => {
    for (let i = 0; i < 300; i++) assert.deepEqual(await tools.bash(`echo ${i}`), answered(String(i)));
  });

  test('a command may be larger than every buffer on its way', async () => {
    const text = 'x'.repeat(1_500_000);
    assert.deepEqual(await tools.bash(`v='${text}'; echo \${#v}`), answered('1500000'));
  });

  const refusals: readonly (readonly [input: Readonly<Record<string, unknown>>, text: string])[] = [
    [{}, 'bash: command is required'],
    [{ command: '' }, 'bash: command is required'],
    [{ command: null }, 'bash: command is required'],
    [{ command: 'a\0b' }, 'bash: command must not contain a NUL byte'],
    [{ command: 7 }, 'bash: command must be a string'],
    [{ command: 'true', timeout_ms: -1 }, 'bash: timeout_ms must be a whole number of at least 0'],
    [{ command: 'true', timeout_ms: 1.5 }, 'bash: timeout_ms must be a whole number of at least 0'],
    [{ restart: 'yes' }, 'bash: restart must be a boolean'],
    [{ command: 'true', cwd: '/' }, 'bash: unknown field cwd'],
  ];
  for (const [input, text] of refusals) {
    test(`refuses ${JSON.stringify(input)}`, async () => {
      assert.deepEqual(await tools.call('bash', input), refused(text));
    });
  }
});
