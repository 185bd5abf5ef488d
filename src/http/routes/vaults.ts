import type { CredentialCommands } from '../../control/credentials.ts';
import type { VaultCommands } from '../../control/vaults.ts';
import type { Keys, Some } from '../handlers.ts';

export function vaultRoutes(vaults: VaultCommands): Some<Keys<'beta.vaults'>> {
  return {
    'beta.vaults create': ({ body }) => vaults.create(body),
    'beta.vaults retrieve': ({ params }) => vaults.retrieve(params.vault_id),
    'beta.vaults update': ({ params, body }) => vaults.update(params.vault_id, body),
    'beta.vaults list': ({ query }) => vaults.list(query),
    'beta.vaults delete': ({ params }) => vaults.delete(params.vault_id),
    'beta.vaults archive': ({ params }) => vaults.archive(params.vault_id),
  };
}

export function credentialRoutes(credentials: CredentialCommands): Some<Keys<'beta.vaults.credentials'>> {
  return {
    'beta.vaults.credentials create': ({ params, body }) => credentials.create(params.vault_id, body),
    'beta.vaults.credentials retrieve': ({ params }) =>
      credentials.retrieve(params.vault_id, params.credential_id),
    'beta.vaults.credentials update': ({ params, body }) =>
      credentials.update(params.vault_id, params.credential_id, body),
    'beta.vaults.credentials list': ({ params, query }) => credentials.list(params.vault_id, query),
    'beta.vaults.credentials delete': ({ params }) =>
      credentials.delete(params.vault_id, params.credential_id),
    'beta.vaults.credentials mcpOAuthValidate': ({ params }) =>
      credentials.validate(params.vault_id, params.credential_id),
    'beta.vaults.credentials archive': ({ params }) =>
      credentials.archive(params.vault_id, params.credential_id),
  };
}
