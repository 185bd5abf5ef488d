import Anthropic from '@anthropic-ai/sdk';

/** The official worker as a process of its own, so that it can be killed: what it needs is in its environment. */
const { ANTHROPIC_ENVIRONMENT_ID: environmentId = '', WORKDIR: workdir = '' } = process.env;
const environmentKey = process.env['ANTHROPIC_ENVIRONMENT_KEY'] ?? '';
const client = new Anthropic({ apiKey: null, authToken: environmentKey });
await client.beta.environments.work
  .worker({ environmentId, environmentKey, workdir, maxIdleMs: 2_000 })
  .run();
