import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Place, ServerProcess } from '../support/command-line.ts';
import { createPlace, startServerProcess } from '../support/command-line.ts';

let place: Place;
let server: ServerProcess;
before(async () => {
  place = createPlace();
  server = await startServerProcess(place);
});
after(async () => {
  await server.stop();
  place.remove();
});

async function typed(script: string): Promise<string> {
  const { code, stdout, stderr } = await place.shell(script, { ANTHILL_DATA: server.dataDir });
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  return stdout;
}

const write = (name: string) => `mkdir -p ${name}/bin
printf -- '---\\nname: ${name}\\ndescription: Finds the way\\n---\\n' > ${name}/SKILL.md
printf '#!/bin/sh\\necho trail\\n' > ${name}/bin/run.sh`;

describe('skills from a shell', () => {
  test('are made from files, from a directory and from an archive, and come back', async () => {
    const made = JSON.parse(
      await typed(`${write('one')}
anthill skills create --file ./one/SKILL.md --file ./one/bin/run.sh --display-name "The first"`),
    );
    assert.equal(made.display_name, 'The first');
    const said = await typed(`${write('two')}
chmod +x two/bin/run.sh
ID=$(anthill beta:skills create --file two --transform id -r)
anthill beta:skills:versions download "$ID" latest --output two.zip
(cd two && anthill skills:versions create "$ID" --file . --transform name -r)
anthill skills:versions create "$ID" --file two.zip --transform skill_id -r | grep -c "$ID"
anthill skills:versions list "$ID" --transform description -r
rm -r two
unzip -q two.zip
./two/bin/run.sh
anthill skills delete "$ID" --transform type -r`);
    const way = 'Finds the way';
    assert.deepEqual(said.split('\n'), ['two', '1', way, way, way, 'trail', 'skill_deleted', '']);
    assert.equal(
      await typed('anthill skills list --source custom --transform display_name -r'),
      'The first\n',
    );
  });

  test('that are refused say why', async () => {
    const { code, stderr } = await place.shell(
      `echo hello > README.md; anthill skills create --file README.md`,
      {
        ANTHILL_DATA: server.dataDir,
      },
    );
    assert.equal(code, 1);
    assert.match(
      stderr,
      /400 invalid_request_error: files\[\]: all files must be in one top-level directory/,
    );
  });
});
