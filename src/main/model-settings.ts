import type { ModelSettings } from '../domain/catalog.ts';
import { price } from '../domain/default-catalog.ts';

/**
 * `models` of anthill.yaml: an id, or a mapping with what differs from the catalogue. Prices are in dollars
 * per million tokens; those of the cache default to 1.25 (written for 5 minutes), 2 (for an hour) and 0.1
 * (read) times `input`. Mistakes are thrown as `Mistake`, in one sentence.
 */
export function modelSettingsOf(
  value: unknown,
  Mistake: new (message: string) => Error,
): readonly ModelSettings[] {
  if (value === undefined || value === null) return [];
  const read = reader(Mistake);
  if (!Array.isArray(value)) throw new Mistake('models: must be a list of ids and mappings');
  return value.map((entry: unknown, index) =>
    typeof entry === 'string' ? { id: entry } : read.model(entry, `models[${index}]`),
  );
}

type Fields = Readonly<Record<string, unknown>>;

const modelFields = ['id', 'display_name', 'context_tokens', 'output_tokens', 'system_messages', 'price'];
const priceFields = ['input', 'output', 'cache_read', 'cache_write_5m', 'cache_write_1h'];

function reader(Mistake: new (message: string) => Error) {
  function fields(value: unknown, path: string, known: readonly string[]): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new Mistake(`${path}: must be a mapping`);
    const unknown = Object.keys(value).find((name) => !known.includes(name));
    if (unknown !== undefined)
      throw new Mistake(`${path}: unknown setting "${unknown}"; known are ${known.join(', ')}`);
    // Not an array, so its own enumerable properties are all there is to it.
    return value as Fields;
  }

  function text(value: unknown, path: string): string {
    if (typeof value === 'string' && value !== '') return value;
    throw new Mistake(`${path}: must be a text`);
  }

  function tokens(value: unknown, path: string): number {
    if (Number.isSafeInteger(value) && Number(value) >= 1) return Number(value);
    throw new Mistake(`${path}: must be a whole number of tokens, 1 or more`);
  }

  function flag(value: unknown, path: string): boolean {
    if (typeof value === 'boolean') return value;
    throw new Mistake(`${path}: must be true or false`);
  }

  function dollars(value: unknown, path: string): number {
    if (typeof value === 'number' && value >= 0 && value <= 100_000) return value;
    throw new Mistake(`${path}: must be dollars per million tokens, 0 or more`);
  }

  /** `null`: the model has no list price, so no budget can measure it. */
  function prices(value: unknown, path: string): ModelSettings['price'] {
    if (value === null) return null;
    const sent = fields(value, path, priceFields);
    const of = (name: string) => dollars(sent[name], `${path}.${name}`);
    const some = (name: string, key: string) => (sent[name] === undefined ? {} : { [key]: of(name) });
    return price(of('input'), of('output'), {
      ...some('cache_read', 'read'),
      ...some('cache_write_5m', 'write5m'),
      ...some('cache_write_1h', 'write1h'),
    });
  }

  return {
    model(value: unknown, path: string): ModelSettings {
      const sent = fields(value, path, modelFields);
      const some = <T>(name: string, key: string, parse: (value: unknown, path: string) => T) =>
        sent[name] === undefined ? {} : { [key]: parse(sent[name], `${path}.${name}`) };
      return {
        id: text(sent['id'], `${path}.id`),
        ...some('display_name', 'displayName', text),
        ...some('context_tokens', 'contextTokensMax', tokens),
        ...some('output_tokens', 'outputTokensMax', tokens),
        ...some('system_messages', 'midConversationSystem', flag),
        ...some('price', 'price', prices),
      };
    },
  };
}
