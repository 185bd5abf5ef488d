const settings = `
  --port N           ANTHILL_PORT        4141; 0 picks a free one
  --host HOST        ANTHILL_HOST        127.0.0.1
  --data DIR         ANTHILL_DATA        ~/.anthill; everything durable, mode 0700
  --scenarios DIR    ANTHILL_SCENARIOS   <data>/scenarios; files behind scripted/<name>
  --config FILE      ANTHILL_CONFIG      anthill.yaml, here or in the data directory
                     ANTHILL_API_KEY     presets the first key
                     ANTHILL_MASTER_KEY  32 bytes as base64 that seal credentials; else <data>/master.key
                     ANTHILL_LOG_LEVEL   info

A model provider: ANTHROPIC_API_KEY for Anthropic; for others ANTHILL_UPSTREAM_BASE_URL, ANTHILL_UPSTREAM_API_KEY
and ANTHILL_UPSTREAM_PROFILE, or \`upstream\` in anthill.yaml.
`;

export const upHelp = `anthill up: start the server; SIGTERM or Ctrl-C stops it
${settings}`;

export const doctorHelp = `anthill doctor: say what isolation and limits are active here, and with which settings \`anthill up\` would start
${settings}`;
