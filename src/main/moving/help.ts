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
in it as they are stored, sealed with the master key, which is not. Until it is whole it is called FILE.part; one that
was interrupted begins anew, for an archive is of one moment.

${place}

${codes}
`;

export const importHelp = `anthill import FILE: read an archive of \`anthill export\` into an empty store; - is standard input

An archive that is damaged or cut off is refused. An import that was interrupted goes on where it was when it is run again
with the same archive; until every row and content was read back nothing else uses the store. The master key has to be
the one of the server that the archive is from.

  --restart          take away what an unfinished import has brought, and begin anew

${place}

anthill import --from URL: copy agents with their versions, environments, skills with theirs, and memory stores from
another Managed Agents server, through its API, into a running one. What was copied before is found again, and only
what is new is added. Sessions, files, vaults and deployments are not copied.

  --from URL                                      the server to copy from; of its workspaces the one of the key
  --from-api-key KEY  ANTHILL_IMPORT_API_KEY      a key of it
  --base-url URL      ANTHROPIC_BASE_URL          the server to copy to; without it the local server is found by itself
  --api-key KEY       ANTHROPIC_API_KEY           a key of it; the local server's own otherwise

${codes}
`;

export const backupHelp = `anthill backup DIR: copy the data directory while a server uses it

DIR becomes a data directory with the database as it is at one moment, all content that it names, and the files of
sandboxes of sessions that are not archived. An earlier backup in DIR is brought up to date: content that it has is not
copied again, and until the end it stays as it was. The master key is not copied. To restore, copy DIR, put master.key
into the copy (or set ANTHILL_MASTER_KEY), and start \`anthill up --data\` with it. PostgreSQL is backed up by pg_dump.

  --data DIR         ANTHILL_DATA   ~/.anthill; what is copied
  --config FILE      ANTHILL_CONFIG anthill.yaml, here or in the data directory
                     ANTHILL_FILES  where the content of files is, if elsewhere

${codes}
`;
