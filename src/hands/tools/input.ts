import { builtinTools } from '../../domain/tools/builtin.ts';

/** Tool input as the model sent it; it may not follow the schema. */
export type ToolInput = Readonly<Record<string, unknown>>;

/** A problem with the input, in words for the model, or null. Checks what the schemas use: no more. */
export function inputProblem(tool: string, input: ToolInput): string | null {
  const schema = builtinTools.find(({ name }) => name === tool)?.inputSchema;
  if (!schema) return `unknown tool ${tool}`;
  // The schemas are ours, see builtin.ts.
  const { properties, required } = schema as {
    properties: Record<string, Property>;
    required: readonly string[];
  };
  const missing = required.find((name) => input[name] === undefined || input[name] === null);
  if (missing) return `${missing} is required`;
  for (const [name, value] of Object.entries(input)) {
    const property = properties[name];
    if (!property) return `unknown field ${name}`;
    if (value !== null && value !== undefined && !fits(property, value))
      return `${name} must be ${describe(property)}`;
  }
  return null;
}

type Property = {
  readonly type: string;
  readonly enum?: readonly string[];
  readonly minLength?: number;
  readonly minimum?: number;
  readonly minItems?: number;
};

function fits(property: Property, value: unknown): boolean {
  switch (property.type) {
    case 'string':
      if (typeof value !== 'string' || value.length < (property.minLength ?? 0)) return false;
      return property.enum?.includes(value) ?? true;
    case 'boolean':
      return typeof value === 'boolean';
    case 'integer':
      return Number.isSafeInteger(value) && Number(value) >= (property.minimum ?? Number.MIN_SAFE_INTEGER);
    default:
      return Array.isArray(value) && value.length === property.minItems && value.every(Number.isSafeInteger);
  }
}

function describe(property: Property): string {
  if (property.enum) return `one of ${property.enum.join(', ')}`;
  if (property.type === 'array') return 'a pair of integers';
  if (property.type === 'integer') return 'a whole number of at least 0';
  return property.minLength ? 'a non-empty string' : `a ${property.type}`;
}

export function textOf(input: ToolInput, name: string): string | null {
  const value = input[name];
  return typeof value === 'string' ? value : null;
}

export function numberOf(input: ToolInput, name: string): number | null {
  const value = input[name];
  return typeof value === 'number' ? value : null;
}

/** Absolute path inside the sandbox; relative ones belong to the working directory. */
export function pathOf(path: string): string {
  return path.startsWith('/') ? path : `/workspace/${path}`;
}
