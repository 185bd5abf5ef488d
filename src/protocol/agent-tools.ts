import { z } from 'zod';
import { text } from './text.ts';
import { countryCode, fetchDomains, searchDomains, timeZone } from './web-domains.ts';

/** Tool configuration of an agent: what a client sends (`…Params`) and the resolved form that is echoed. */

export const permissionPolicySchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('always_allow') }),
  z.strictObject({ type: z.literal('always_ask') }),
  z.strictObject({ type: z.literal('auto') }),
]);
export type PermissionPolicy = z.infer<typeof permissionPolicySchema>;

const resolvedSwitch = { enabled: z.boolean(), permission_policy: permissionPolicySchema };
const requestedSwitch = {
  enabled: z.boolean().nullish(),
  permission_policy: permissionPolicySchema.nullish(),
};

const plainToolNames = ['bash', 'edit', 'read', 'write', 'glob', 'grep'] as const;
export const builtinToolNames = [...plainToolNames, 'web_fetch', 'web_search'] as const;

const toolReferences = z
  .array(z.strictObject({ type: z.literal('tool_reference'), name: text(128, 1) }))
  .min(1)
  .max(128);
const sourceAll = z.strictObject({ type: z.literal('all') });
const sourceNone = z.strictObject({ type: z.literal('none') });
const sourceOnly = z.strictObject({ type: z.literal('only'), tools: toolReferences });
const sourceExcept = z.strictObject({ type: z.literal('except'), tools: toolReferences });
const userInputSource = z.discriminatedUnion('type', [sourceAll, sourceNone]);
const toolFilterSource = z.discriminatedUnion('type', [sourceAll, sourceNone, sourceOnly, sourceExcept]);
const shorthand = z.enum(['all', 'none']);

const urlSourcesSchema = z.strictObject({
  client_tool_results: toolFilterSource.nullable(),
  server_tool_results: toolFilterSource.nullable(),
  user_input: userInputSource.nullable(),
});

const urlSourcesParams = z.strictObject({
  client_tool_results: z.union([shorthand, toolFilterSource]).nullish(),
  server_tool_results: z.union([shorthand, toolFilterSource]).nullish(),
  user_input: z.union([shorthand, userInputSource]).nullish(),
});

const userLocationSchema = z.strictObject({
  type: z.literal('approximate'),
  city: z.string().nullable().exactOptional(),
  country: countryCode.nullable().exactOptional(),
  region: z.string().nullable().exactOptional(),
  timezone: timeZone.nullable().exactOptional(),
});
export type UserLocation = z.infer<typeof userLocationSchema>;
const userLocationParams = z.strictObject({
  type: z.literal('approximate'),
  city: z.string().nullish(),
  country: countryCode.nullish(),
  region: z.string().nullish(),
  timezone: timeZone.nullish(),
});

function plainConfig<Name extends string>(name: Name) {
  return z.strictObject({ type: z.literal(name), name: z.literal(name), ...resolvedSwitch });
}
function plainConfigParams<Name extends string>(name: Name) {
  return z.strictObject({ name: z.literal(name), type: z.literal(name).optional(), ...requestedSwitch });
}

const shownDomains = z.array(z.string()).exactOptional();

export const toolConfigSchema = z.discriminatedUnion('name', [
  plainConfig('bash'),
  plainConfig('edit'),
  plainConfig('read'),
  plainConfig('write'),
  plainConfig('glob'),
  plainConfig('grep'),
  z.strictObject({
    type: z.literal('web_fetch'),
    name: z.literal('web_fetch'),
    ...resolvedSwitch,
    url_sources: urlSourcesSchema.nullable(),
    allowed_domains: shownDomains,
    blocked_domains: shownDomains,
    max_content_tokens: z.int().nullable().exactOptional(),
  }),
  z.strictObject({
    type: z.literal('web_search'),
    name: z.literal('web_search'),
    ...resolvedSwitch,
    allowed_domains: shownDomains,
    blocked_domains: shownDomains,
    user_location: userLocationSchema.nullable().exactOptional(),
  }),
]);
export type ToolConfig = z.infer<typeof toolConfigSchema>;

export const toolConfigParams = z.discriminatedUnion('name', [
  plainConfigParams('bash'),
  plainConfigParams('edit'),
  plainConfigParams('read'),
  plainConfigParams('write'),
  plainConfigParams('glob'),
  plainConfigParams('grep'),
  fetchDomains({
    name: z.literal('web_fetch'),
    type: z.literal('web_fetch').optional(),
    ...requestedSwitch,
    max_content_tokens: z.int().min(1).nullish(),
    url_sources: urlSourcesParams.nullish(),
  }),
  searchDomains({
    name: z.literal('web_search'),
    type: z.literal('web_search').optional(),
    ...requestedSwitch,
    user_location: userLocationParams.nullish(),
  }),
]);
export type ToolConfigParams = z.infer<typeof toolConfigParams>;

export const agentToolsetSchema = z.strictObject({
  type: z.literal('agent_toolset_20260401'),
  configs: z.array(toolConfigSchema),
  default_config: z.strictObject(resolvedSwitch),
});

const agentToolsetParams = z.strictObject({
  type: z.literal('agent_toolset_20260401'),
  configs: z.array(toolConfigParams).nullish(),
  default_config: z.strictObject(requestedSwitch).nullish(),
});

export const mcpToolsetSchema = z.strictObject({
  type: z.literal('mcp_toolset'),
  mcp_server_name: z.string(),
  configs: z.array(z.strictObject({ name: z.string(), ...resolvedSwitch })),
  default_config: z.strictObject(resolvedSwitch),
});

const mcpToolsetParams = z.strictObject({
  type: z.literal('mcp_toolset'),
  mcp_server_name: text(255, 1),
  configs: z.array(z.strictObject({ name: text(128, 1), ...requestedSwitch })).nullish(),
  default_config: z.strictObject(requestedSwitch).nullish(),
});

/** JSON Schema of a custom tool's input. Open: it is the user's schema, kept as sent. */
export const customToolInputSchema = z.looseObject({
  type: z.literal('object'),
  properties: z.record(z.string(), z.unknown()).nullable().exactOptional(),
  required: z.array(z.string()).nullable().exactOptional(),
});

/** Older clients may leave out what it always is. */
const customToolInputParams = customToolInputSchema.extend({ type: z.literal('object').default('object') });

export const customToolSchema = z.strictObject({
  type: z.literal('custom'),
  name: z.string(),
  description: z.string(),
  input_schema: customToolInputSchema,
});

const customNamePattern = /^[A-Za-z0-9_-]{1,128}$/;
const propertyPattern = /^[A-Za-z0-9_.-]{1,64}$/;
const topLevelForbidden = ['oneOf', 'anyOf', 'allOf'] as const;

const customToolParams = z.strictObject({
  type: z.literal('custom'),
  name: z.string().superRefine((name, context) => {
    const problem = customNameProblem(name);
    if (problem !== null) context.addIssue({ code: 'custom', message: problem });
  }),
  description: text(10_000, 1),
  input_schema: customToolInputParams.superRefine((schema, context) => {
    const problem = inputSchemaProblem(schema);
    if (problem !== null) context.addIssue({ code: 'custom', message: problem });
  }),
});

function customNameProblem(name: string): string | null {
  if (!customNamePattern.test(name)) return 'must be 1 to 128 letters, digits, underscores or hyphens';
  if (builtinToolNames.some((builtin) => builtin === name)) return `"${name}" is the name of a built-in tool`;
  if (name.startsWith('mcp__') || name.startsWith('ant__')) return 'must not start with mcp__ or ant__';
  return null;
}

function inputSchemaProblem(schema: Readonly<Record<string, unknown>>): string | null {
  const forbidden = topLevelForbidden.find((key) => key in schema);
  if (forbidden) return `${forbidden} is not supported at the top level`;
  if (hasRef(schema)) return '$ref is not supported';
  const properties = schema['properties'];
  const names = typeof properties === 'object' && properties !== null ? Object.keys(properties) : [];
  const bad = names.find((name) => !propertyPattern.test(name));
  return bad === undefined ? null : `property name "${bad}" must match ${propertyPattern.source}`;
}

function hasRef(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasRef);
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(
    ([key, child]) => (key === '$ref' && typeof child === 'string') || hasRef(child),
  );
}

export const agentToolSchema = z.discriminatedUnion('type', [
  agentToolsetSchema,
  mcpToolsetSchema,
  customToolSchema,
]);
export const agentToolParams = z.discriminatedUnion('type', [
  agentToolsetParams,
  mcpToolsetParams,
  customToolParams,
]);

export type AgentTool = z.infer<typeof agentToolSchema>;
export type AgentToolParams = z.infer<typeof agentToolParams>;

export const mcpServerSchema = z.strictObject({ type: z.literal('url'), name: z.string(), url: z.string() });
export const mcpServerParams = z.strictObject({
  type: z.literal('url'),
  name: text(255, 1),
  url: text(2048, 1).superRefine((url, context) => {
    if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
      context.addIssue({ code: 'custom', message: 'must be an http or https URL' });
    }
  }),
});
export type McpServer = z.infer<typeof mcpServerSchema>;

export const skillReferenceSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('anthropic'), skill_id: z.string(), version: z.string() }),
  z.strictObject({ type: z.literal('custom'), skill_id: z.string(), version: z.string() }),
]);
const skillParams = { skill_id: text(64, 1), version: text(64, 1).nullish() };
export const skillReferenceParams = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('anthropic'), ...skillParams }),
  z.strictObject({ type: z.literal('custom'), ...skillParams }),
]);
export type SkillReference = z.infer<typeof skillReferenceSchema>;
export type SkillParams = z.infer<typeof skillReferenceParams>;
