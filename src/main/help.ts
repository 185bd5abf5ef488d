const settings = `
  --port N           ANTHILL_PORT        4141; 0 picks a free one
  --host HOST        ANTHILL_HOST        127.0.0.1
  --data DIR         ANTHILL_DATA        ~/.anthill; everything durable, mode 0700
  --scenarios DIR    ANTHILL_SCENARIOS   <data>/scenarios; files behind scripted/<name>
  --config FILE      ANTHILL_CONFIG      anthill.yaml, here or in the data directory
  --roles LIST       ANTHILL_ROLES       api,brain,hands,scheduler; what this server does, see docs/deployment.md
  --no-auth                              ask for no key; on 127.0.0.1 only
                     ANTHILL_API_KEY     presets the first key
                     ANTHILL_MASTER_KEY  32 bytes as base64 that seal credentials; else <data>/master.key
                     DATABASE_URL        postgres://…; for several servers, see docs/postgresql.md; else SQLite
                     DATABASE_DIRECT_URL the same past a pooler
                     ANTHILL_LEASE_SECONDS  60; when others take over from a server that hangs
                     ANTHILL_FILES       <data>/files, with PostgreSQL in the database; a directory that all servers share
                     ANTHILL_DRAIN_NOTICE_SECONDS  0; how long /health says \`stopping\` before the server stops listening
                     ANTHILL_LOG_LEVEL   info

A model provider: ANTHROPIC_API_KEY for Anthropic; for others ANTHILL_UPSTREAM_BASE_URL, ANTHILL_UPSTREAM_API_KEY
and ANTHILL_UPSTREAM_PROFILE, or \`upstream\` in anthill.yaml. There also: \`rate_limits\` (create_per_minute, read_per_minute,
and keys: {ID: …} with the same), \`webhooks\` (allow_private_urls, for development),
\`web_search\` (backend, url; the key in ANTHILL_WEB_SEARCH_API_KEY), see docs/web.md,
and \`retention\` (days that things are kept), see docs/operations.md.
`;

export const upHelp = `anthill up: start the server; SIGTERM or Ctrl-C stops it
${settings}`;

export const doctorHelp = `anthill doctor: say what isolation and limits are active here, and with which settings \`anthill up\` would start

\`anthill doctor SESSION_ID\` asks the server what a session waits for, since when, and who can let it go on; it is
\`anthill sessions diagnose\`.
${settings}`;

export const workerHelp = `anthill worker: run the tools of a self-hosted environment's sessions on this machine; SIGTERM or Ctrl-C stops it

Any number of workers on any number of machines serve one environment. Tools run in the same sandboxes as those of
\`anthill up\`. \`anthill environment-keys create ENVIRONMENT_ID NAME\` makes a key for workers.

  --environment-id ID  ANTHROPIC_ENVIRONMENT_ID   the environment to serve
                       ANTHROPIC_ENVIRONMENT_KEY  its key; not a flag, so that it stays out of process lists
  --base-url URL       ANTHROPIC_BASE_URL         http://127.0.0.1:4141; the server
  --data DIR           ANTHILL_WORKER_DATA        ~/.anthill-worker; files of sessions
  --network WHICH                                 unrestricted; limited or none: where programs in sandboxes may connect to
  --allow-host HOST                               what they may in a limited network, or *.HOST; as often as needed
  --allow-package-managers                        registries of packages as well
  --config FILE        ANTHILL_CONFIG             anthill.yaml, here or in the data directory; sandbox_network counts
  --sessions N                                    8; sessions served at once
  --name NAME                                     the name of this machine; how the worker calls itself
                       ANTHILL_LOG_LEVEL          info

Exit code: 0 stopped, 1 failed and said why, 2 wrong flags or settings.
`;

export const rotateKeyHelp = `anthill rotate-key: seal the secrets of credentials with a new master key

Works while no server uses the data directory or, with DATABASE_URL, the database. The new key is made up and takes the
place of the one in <data>/master.key; with DATABASE_URL it has to be given. Whoever sets ANTHILL_MASTER_KEY gives the new one as well, and sets ANTHILL_MASTER_KEY to it from
then on; with ANTHILL_NEW_MASTER_KEY alone, the key moves out of the data directory, and master.key is deleted.

Old seals are removed from the database. Interrupted at any moment, the data opens with the old or with the new key:
start the server as before, or this command once more. Nothing brings back secrets whose key is lost.

  --data DIR         ANTHILL_DATA            ~/.anthill
                     DATABASE_URL            PostgreSQL instead of SQLite in the data directory
                     ANTHILL_MASTER_KEY      the key now; else <data>/master.key
                     ANTHILL_NEW_MASTER_KEY  the key from now on, 32 bytes as base64 (openssl rand -base64 32)

Exit code: 0 done, 1 failed and said why, 2 wrong flags or settings.
`;
