import {
  credentialCreate,
  credentialSchema,
  credentialUpdate,
  credentialValidationSchema,
  deletedCredentialSchema,
} from './credentials.ts';
import type { Route } from './route.ts';
import { act, cursor, flag, list, read, remove, write } from './route-parts.ts';
import { deletedVaultSchema, vaultCreate, vaultSchema, vaultUpdate } from './vaults.ts';

/** The lines of the route table about vaults and their credentials. */

const style = { beta: 'managed-agents', messages: 'managed' } as const;
const vaultsPaging = cursor(20, 100);

const vaults = { ...style, resource: ['beta', 'vaults'] } as const;
const credentials = { ...style, resource: ['beta', 'vaults', 'credentials'] } as const;

const vaultPath = '/v1/vaults/:vault_id';
const credentialPath = `${vaultPath}/credentials/:credential_id` as const;

export const vaultRoutes = {
  'beta.vaults create': {
    ...vaults,
    ...write,
    action: 'create',
    summary: 'Create a vault',
    path: '/v1/vaults',
    body: vaultCreate,
    response: vaultSchema,
  },
  'beta.vaults retrieve': {
    ...vaults,
    ...read,
    action: 'retrieve',
    summary: 'Get a vault',
    path: vaultPath,
    response: vaultSchema,
  },
  'beta.vaults update': {
    ...vaults,
    ...write,
    action: 'update',
    summary: 'Update a vault',
    path: vaultPath,
    body: vaultUpdate,
    response: vaultSchema,
  },
  'beta.vaults list': {
    ...vaults,
    ...list(vaultSchema, vaultsPaging, { include_archived: flag }),
    action: 'list',
    summary: 'List vaults, newest first',
    path: '/v1/vaults',
  },
  'beta.vaults delete': {
    ...vaults,
    ...remove,
    action: 'delete',
    summary: 'Delete a vault with all its credentials',
    path: vaultPath,
    response: deletedVaultSchema,
  },
  'beta.vaults archive': {
    ...vaults,
    ...act,
    action: 'archive',
    summary: 'Archive a vault and its credentials: their secrets are gone',
    path: `${vaultPath}/archive`,
    response: vaultSchema,
  },
  'beta.vaults.credentials create': {
    ...credentials,
    ...write,
    action: 'create',
    summary: 'Put a credential into a vault',
    path: `${vaultPath}/credentials`,
    body: credentialCreate,
    response: credentialSchema,
  },
  'beta.vaults.credentials retrieve': {
    ...credentials,
    ...read,
    action: 'retrieve',
    summary: 'Get a credential, without its secrets',
    path: credentialPath,
    response: credentialSchema,
  },
  'beta.vaults.credentials update': {
    ...credentials,
    ...write,
    action: 'update',
    summary: 'Update a credential: new secrets replace the stored ones',
    path: credentialPath,
    body: credentialUpdate,
    response: credentialSchema,
  },
  'beta.vaults.credentials list': {
    ...credentials,
    ...list(credentialSchema, vaultsPaging, { include_archived: flag }),
    action: 'list',
    summary: 'List the credentials of a vault, newest first',
    path: `${vaultPath}/credentials`,
  },
  'beta.vaults.credentials delete': {
    ...credentials,
    ...remove,
    action: 'delete',
    summary: 'Delete a credential',
    path: credentialPath,
    response: deletedCredentialSchema,
  },
  'beta.vaults.credentials archive': {
    ...credentials,
    ...act,
    action: 'archive',
    summary: 'Archive a credential: its secrets are gone',
    path: `${credentialPath}/archive`,
    response: credentialSchema,
  },
  'beta.vaults.credentials mcpOAuthValidate': {
    ...credentials,
    ...act,
    action: 'mcpOAuthValidate',
    summary: 'Try an OAuth credential at its MCP server, refreshing it when it was refused',
    path: `${credentialPath}/mcp_oauth_validate`,
    response: credentialValidationSchema,
  },
} as const satisfies Record<string, Route>;
