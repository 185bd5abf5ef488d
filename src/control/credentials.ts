import type { Clock } from '../base/clock.ts';
import type { NewId } from '../base/ids.ts';
import { formatUs } from '../base/timestamp.ts';
import type { Collections, StoredCredential } from '../domain/collections.ts';
import type { SaveRotated, ValidateCredential } from '../domain/credential-validation.ts';
import type { Deposit } from '../domain/credentials.ts';
import { checkAdmission, createCredential, updateCredential, withRotated } from '../domain/credentials.ts';
import type { Seal, SecretField } from '../domain/sealing.ts';
import { absentVault, archived } from '../domain/vaults.ts';
import type {
  Credential,
  CredentialCreate,
  CredentialUpdate,
  CredentialValidation,
} from '../protocol/credentials.ts';
import { invalid, Refusal } from '../protocol/refusal.ts';
import type { Page, WindowQuery } from './page.ts';
import { pageOf } from './page.ts';

export type CredentialDeps = {
  readonly collections: Pick<Collections, 'vaults' | 'credentials'>;
  readonly seal: Seal;
  readonly validate: ValidateCredential;
  readonly clock: Clock;
  readonly newId: NewId;
};

export type CredentialCommands = {
  create(vaultId: string, body: CredentialCreate): Promise<Credential>;
  retrieve(vaultId: string, id: string): Promise<Credential>;
  update(vaultId: string, id: string, body: CredentialUpdate): Promise<Credential>;
  list(vaultId: string, query: CredentialQuery): Promise<Page<Credential>>;
  archive(vaultId: string, id: string): Promise<Credential>;
  delete(vaultId: string, id: string): Promise<{ id: string; type: 'vault_credential_deleted' }>;
  validate(vaultId: string, id: string): Promise<CredentialValidation>;
};

type CredentialQuery = WindowQuery & { include_archived?: boolean | undefined };

/** Secrets come in, are sealed here and leave only towards the store. */
export function createCredentialCommands(deps: CredentialDeps): CredentialCommands {
  const { clock, newId, seal } = deps;
  const { vaults, credentials } = deps.collections;

  async function refuseAbsentVault(vaultId: string): Promise<void> {
    if (!(await vaults.get(vaultId))) throw absentVault(vaultId);
  }

  async function change(
    vaultId: string,
    id: string,
    rule: (current: StoredCredential) => StoredCredential,
  ): Promise<Credential> {
    const changed = await credentials.change(vaultId, id, rule);
    if (changed) return changed;
    await refuseAbsentVault(vaultId);
    throw absent(id);
  }

  return {
    async create(vaultId, body) {
      const birth = { id: newId('vcrd'), vaultId, nowUs: clock.nowUs() };
      const deposit = createCredential(body, birth);
      const { credential } = deposit;
      const inserted = await credentials.insert(
        { credential, sealed: sealAll(seal, deposit) },
        (vault, active) => checkAdmission(vault, active, credential),
      );
      if (!inserted) throw absentVault(vaultId);
      return credential;
    },
    async retrieve(vaultId, id) {
      const credential = await credentials.get(vaultId, id);
      if (credential) return credential;
      await refuseAbsentVault(vaultId);
      throw absent(id);
    },
    update: (vaultId, id, body) =>
      change(vaultId, id, (current) => {
        const deposit = updateCredential(current.credential, body, clock.nowUs());
        if (deposit.credential === current.credential) return current;
        return {
          credential: deposit.credential,
          sealed: { ...current.sealed, ...sealAll(seal, deposit) },
        };
      }),
    async list(vaultId, query) {
      await refuseAbsentVault(vaultId);
      return await pageOf(query, { limit: 20, order: 'desc' }, (page) =>
        credentials.page(vaultId, { ...page, includeArchived: query.include_archived ?? false }),
      );
    },
    archive: (vaultId, id) =>
      change(vaultId, id, (current) => {
        const credential = archived(current.credential, clock.nowUs());
        return credential === current.credential ? current : { credential, sealed: {} };
      }),
    async delete(vaultId, id) {
      if (await credentials.remove(vaultId, id)) return { id, type: 'vault_credential_deleted' };
      await refuseAbsentVault(vaultId);
      throw absent(id);
    },
    async validate(vaultId, id) {
      const stored = await credentials.stored(vaultId, id);
      if (!stored) await refuseAbsentVault(vaultId);
      if (!stored) throw absent(id);
      return await validate(deps, stored);
    },
  };
}

async function validate(deps: CredentialDeps, { credential, sealed }: StoredCredential) {
  const { id, vault_id, auth } = credential;
  if (auth.type !== 'mcp_oauth')
    throw invalid(`Credential ${id} is of type ${auth.type}; only mcp_oauth can be validated`);
  if (credential.archived_at !== null) throw invalid(`Credential ${id} is archived.`);
  const save: SaveRotated = async (fresh) => {
    await deps.collections.credentials.change(vault_id, id, (current) =>
      withRotated(current, { before: { sealed }, fresh, at: formatUs(deps.clock.nowUs()) }),
    );
  };
  const verdict = await deps.validate({ credential, sealed }, save);
  const validated_at = formatUs(deps.clock.nowUs());
  return {
    type: 'vault_credential_validation',
    credential_id: id,
    vault_id,
    validated_at,
    ...verdict,
  } as const;
}

function sealAll(seal: Seal, { credential, secrets }: Deposit): StoredCredential['sealed'] {
  const place = { vaultId: credential.vault_id, credentialId: credential.id };
  const entries = Object.entries(secrets) as [SecretField, string][];
  return Object.fromEntries(entries.map(([field, secret]) => [field, seal(secret, { ...place, field })]));
}

function absent(id: string): Refusal {
  return new Refusal('not_found', `Credential not found: ${id}`);
}
