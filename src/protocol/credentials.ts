import { z } from 'zod';
import { allowedHost } from './environments.ts';
import { metadataCreate, metadataPatch, metadataSchema, text, timestamp } from './text.ts';

/** Credentials of vaults. Secrets exist in params only: no response schema has a member for one. */

const unrestricted = z.strictObject({ type: z.literal('unrestricted') });
const networkingSchema = z.discriminatedUnion('type', [
  unrestricted,
  z.strictObject({ type: z.literal('limited'), allowed_hosts: z.array(z.string()) }),
]);

const tokenEndpointAuthSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('none') }),
  z.strictObject({ type: z.literal('client_secret_basic') }),
  z.strictObject({ type: z.literal('client_secret_post') }),
]);

const mcpOauthSchema = z.strictObject({
  type: z.literal('mcp_oauth'),
  mcp_server_url: z.string(),
  expires_at: timestamp.exactOptional(),
  refresh: z
    .strictObject({
      token_endpoint: z.string(),
      client_id: z.string(),
      scope: z.string().exactOptional(),
      resource: z.string().exactOptional(),
      token_endpoint_auth: tokenEndpointAuthSchema,
    })
    .exactOptional(),
});
const staticBearerSchema = z.strictObject({ type: z.literal('static_bearer'), mcp_server_url: z.string() });
const environmentVariableSchema = z.strictObject({
  type: z.literal('environment_variable'),
  secret_name: z.string(),
  networking: networkingSchema,
  injection_location: z.strictObject({ header: z.boolean(), body: z.boolean() }),
});

export const credentialSchema = z.strictObject({
  id: z.string(),
  type: z.literal('vault_credential'),
  vault_id: z.string(),
  display_name: z.string().nullable(),
  auth: z.discriminatedUnion('type', [mcpOauthSchema, staticBearerSchema, environmentVariableSchema]),
  metadata: metadataSchema,
  created_at: timestamp,
  updated_at: timestamp,
  archived_at: timestamp.nullable(),
});
export type Credential = z.infer<typeof credentialSchema>;

/** Never repeated in a message, and refused with a password in it: a URL is stored and shown as it is. */
const url = text(2047, 1).superRefine((value, context) => {
  if (!/^https?:\/\//i.test(value) || !URL.canParse(value)) {
    context.addIssue({ code: 'custom', message: 'must be an http or https URL' });
  } else if (new URL(value).username !== '' || new URL(value).password !== '') {
    context.addIssue({ code: 'custom', message: 'must not contain a user name or password' });
  }
});

/** What environment variables can be called in every shell. */
const secretName = text(255, 1).superRefine((value, context) => {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(value)) {
    const message = 'must be letters, digits and underscores, and not begin with a digit';
    context.addIssue({ code: 'custom', message });
  }
});

const networkingParams = z.discriminatedUnion('type', [
  unrestricted,
  z.strictObject({ type: z.literal('limited'), allowed_hosts: z.array(allowedHost).min(1).max(16) }),
]);
const injectionLocationParams = z.strictObject({
  header: z.boolean().optional(),
  body: z.boolean().optional(),
});
const token = text(8192, 1);
const refreshToken = text(4096, 1);
const clientSecret = text(512, 1);
const scope = text(8192).nullish();

const refreshParams = z.strictObject({
  token_endpoint: url,
  client_id: text(1024, 1),
  refresh_token: refreshToken,
  scope,
  resource: text(2047).nullish(),
  token_endpoint_auth: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('none') }),
    z.strictObject({ type: z.literal('client_secret_basic'), client_secret: clientSecret }),
    z.strictObject({ type: z.literal('client_secret_post'), client_secret: clientSecret }),
  ]),
});
export type RefreshParams = z.infer<typeof refreshParams>;

const authCreate = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('mcp_oauth'),
    mcp_server_url: url,
    access_token: token,
    expires_at: timestamp.nullish(),
    refresh: refreshParams.nullish(),
  }),
  z.strictObject({ type: z.literal('static_bearer'), mcp_server_url: url, token }),
  z.strictObject({
    type: z.literal('environment_variable'),
    secret_name: secretName,
    secret_value: token,
    networking: networkingParams,
    injection_location: injectionLocationParams.optional(),
  }),
]);

export const credentialCreate = z.strictObject({
  auth: authCreate,
  display_name: text(255).nullish(),
  metadata: metadataCreate.optional(),
});
export type CredentialCreate = z.infer<typeof credentialCreate>;

const refreshUpdate = z.strictObject({
  refresh_token: refreshToken.nullish(),
  scope,
  token_endpoint_auth: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('client_secret_basic'), client_secret: clientSecret.nullish() }),
      z.strictObject({ type: z.literal('client_secret_post'), client_secret: clientSecret.nullish() }),
    ])
    .optional(),
});
export type RefreshUpdate = z.infer<typeof refreshUpdate>;

/** What identifies a credential cannot be sent again: those members are unknown fields. */
const authUpdate = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('mcp_oauth'),
    access_token: token.nullish(),
    expires_at: timestamp.nullish(),
    refresh: refreshUpdate.nullish(),
  }),
  z.strictObject({ type: z.literal('static_bearer'), token: token.nullish() }),
  z.strictObject({
    type: z.literal('environment_variable'),
    secret_value: token.nullish(),
    networking: networkingParams.nullish(),
    injection_location: injectionLocationParams.optional(),
  }),
]);
export type AuthUpdate = z.infer<typeof authUpdate>;

export const credentialUpdate = z.strictObject({
  auth: authUpdate.optional(),
  display_name: text(255, 1).nullish(),
  metadata: metadataPatch.nullish(),
});
export type CredentialUpdate = z.infer<typeof credentialUpdate>;

const probedResponseSchema = z.strictObject({
  status_code: z.int(),
  content_type: z.string(),
  body: z.string(),
  body_truncated: z.boolean(),
});

/** What came of trying a credential at its MCP server. */
export const credentialValidationSchema = z.strictObject({
  type: z.literal('vault_credential_validation'),
  credential_id: z.string(),
  vault_id: z.string(),
  status: z.enum(['valid', 'invalid', 'unknown']),
  validated_at: timestamp,
  has_refresh_token: z.boolean(),
  mcp_probe: z
    .strictObject({ method: z.string(), http_response: probedResponseSchema.nullable() })
    .nullable(),
  refresh: z
    .strictObject({
      status: z.enum(['succeeded', 'failed', 'connect_error', 'no_refresh_token']),
      http_response: probedResponseSchema.nullable(),
    })
    .nullable(),
});
export type CredentialValidation = z.infer<typeof credentialValidationSchema>;

export const deletedCredentialSchema = z.strictObject({
  id: z.string(),
  type: z.literal('vault_credential_deleted'),
});
