/** Commands on everything that is stored at once. */

const place = `  --data DIR         ANTHILL_DATA         ~/.anthill
  --config FILE      ANTHILL_CONFIG       anthill.yaml, here or in the data directory
                     DATABASE_URL         PostgreSQL instead of SQLite in the data directory
                     ANTHILL_FILES        where the content of files is, if elsewhere
                     ANTHILL_MASTER_KEY   the key of secrets; else <data>/master.key`;

const codes = 'Exit code: 0 done, 1 failed and said why, 2 wrong flags or settings.';

export const exportHelp = `anthill export FILE: write everything that is stored into one archive; - is standard output

With SQLite no server may use the data directory. With PostgreSQL servers may run: the archive is of one moment.
Conversations, files, skills, memories, keys of the API (as hashes) and the files of sandboxes are in it; secrets are
in it as they are stored, sealed with the master key, which is not.

${place}

${codes}
`;

export const importHelp = `anthill import FILE: read an archive of \`anthill export\` into an empty store; - is standard input

All of it or nothing: an archive that is damaged or cut off is refused, and an import that was interrupted leaves
nothing and begins anew when it is run again. Every row is read back before it is committed. The master key has to be
the one of the server that the archive is from.

${place}

${codes}
`;
