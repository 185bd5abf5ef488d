import { builtinTools } from '../../domain/tools/builtin.ts';

/** Tool input as the model sent it; it may not follow the schema. */
export type ToolInput = Readonly<Record<string, unknown>>;

/** A problem with the input, in words for the model, or null. Checks what the schemas use: no more. */
export function inputProblem(tool: string, input: ToolInput): string | null {
  const schema = builtinTools.find(({ name }) => name === tool)?.inputSchema;
  if (!schema) return 'the tool is not available';
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    return 'the input must be an object';
  // The schemas are ours, see builtin.ts.
  const { properties, required } = schema as {
    properties: Record<string, Property>;
    required: readonly string[];
  };
  const missing = required.find((name) => isMissing(name, input[name]));
  if (missing) return `${missing} is required`;
  for (const [name, value] of Object.entries(input)) {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (!property) return `unknown field ${name}`;
    if (value === null || value === undefined) continue;
    if (!fits(property, value)) return `${name} must be ${describe(property)}`;
    if (!isContent(name) && typeof value === 'string' && value.includes('\0'))
      return `${name} must not contain a NUL byte`;
  }
  return null;
}

/** The texts of write and edit may be empty and hold any character. */
function isContent(name: string): boolean {
  return ['content', 'old_string', 'new_string'].includes(name);
}

function isMissing(name: string, value: unknown): boolean {
  return value === undefined || value === null || (value === '' && !['content', 'new_string'].includes(name));
}

type Property = {
  readonly type: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly minItems?: number;
};

function fits(property: Property, value: unknown): boolean {
  switch (property.type) {
    case 'string':
      return typeof value === 'string' && (property.enum?.includes(value) ?? true);
    case 'boolean':
      return typeof value === 'boolean';
    case 'integer':
      return Number.isSafeInteger(value) && Number(value) >= (property.minimum ?? Number.MIN_SAFE_INTEGER);
    default:
      // No range at all is often sent as an empty one.
      if (!Array.isArray(value) || !value.every(Number.isSafeInteger)) return false;
      return value.length === 0 || value.length === property.minItems;
  }
}

function describe(property: Property): string {
  if (property.enum) return `one of ${property.enum.join(', ')}`;
  if (property.type === 'array') return '[start_line, end_line]';
  if (property.type === 'integer') return 'a whole number of at least 0';
  return `a ${property.type}`;
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
