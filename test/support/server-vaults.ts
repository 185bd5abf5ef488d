import type Anthropic from '@anthropic-ai/sdk';

type Credentials = Anthropic['beta']['vaults']['credentials'];
export type Created = Awaited<ReturnType<Credentials['create']>>;
export type Changes = Omit<Parameters<Credentials['update']>[1], 'vault_id'>;
export type Auth = Parameters<Credentials['create']>[1]['auth'];
type AuthOf<T extends Auth['type']> = Extract<Auth, { type: T }>;

/** An environment variable that may go anywhere. */
export function variable(
  name: string,
  more: Partial<AuthOf<'environment_variable'>> = {},
): AuthOf<'environment_variable'> {
  return {
    type: 'environment_variable',
    secret_name: name,
    secret_value: 'a secret',
    networking: { type: 'unrestricted' },
    ...more,
  };
}

export function bearer(url: string, token = 'a token'): AuthOf<'static_bearer'> {
  return { type: 'static_bearer', mcp_server_url: url, token };
}

export type Refresh = NonNullable<AuthOf<'mcp_oauth'>['refresh']>;

/** OAuth with everything that can be said about its refresh. */
export function oauth(url: string, refresh: Partial<Refresh> = {}): AuthOf<'mcp_oauth'> {
  return {
    type: 'mcp_oauth',
    mcp_server_url: url,
    access_token: 'an access token',
    expires_at: '2099-01-02T03:04:05Z',
    refresh: {
      token_endpoint: 'https://auth.example.com/token',
      client_id: 'client',
      refresh_token: 'a refresh token',
      scope: 'read write',
      resource: 'https://mcp.example.com',
      token_endpoint_auth: { type: 'client_secret_basic', client_secret: 'a client secret' },
      ...refresh,
    },
  };
}

/** A credential in a vault of its own. */
export async function put(client: Anthropic, auth: Auth): Promise<Created> {
  const { id } = await client.beta.vaults.create({ display_name: 'Keys' });
  return await client.beta.vaults.credentials.create(id, { auth });
}

export function retrieve(client: Anthropic, { id, vault_id }: Created): Promise<Created> {
  return client.beta.vaults.credentials.retrieve(id, { vault_id });
}

export function update(client: Anthropic, { id, vault_id }: Created, changes: Changes): Promise<Created> {
  return client.beta.vaults.credentials.update(id, { vault_id, ...changes });
}

export function without(object: object, ...names: string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}
