/** `form-data; name="file"; filename="a.csv"` taken apart; names in lower case. */
export type Parameterized = {
  readonly value: string;
  readonly parameters: ReadonlyMap<string, string>;
};

const parameter = /;\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))/g;

/**
 * A header with parameters (RFC 9110, 5.6.6), of which one written as `name*` (RFC 8187) wins over its plain
 * sibling. Clients send paths such as `C:\data.csv` with bare backslashes, so only an escaped quote or
 * backslash is unescaped. A repeated parameter keeps its first value.
 */
export function parseParameters(header: string): Parameterized {
  const [value = ''] = header.split(';', 1);
  const parameters = new Map<string, string>();
  const extended = new Map<string, string>();
  for (const [, rawName = '', quoted, bare = ''] of header.matchAll(parameter)) {
    const name = rawName.toLowerCase();
    const text = quoted?.replace(/\\(["\\])/g, '$1') ?? bare.trim();
    if (name.endsWith('*')) {
      const decoded = decodeExtended(text);
      if (decoded !== null) extended.set(name.slice(0, -1), decoded);
    } else if (!parameters.has(name)) parameters.set(name, text);
  }
  return { value: value.trim().toLowerCase(), parameters: new Map([...parameters, ...extended]) };
}

/** `UTF-8''na%C3%AFve.txt`, or null. */
function decodeExtended(text: string): string | null {
  const [, charset = '', encoded = ''] = /^([\w-]*)'[^']*'(.*)$/s.exec(text) ?? [];
  if (charset.toLowerCase() !== 'utf-8') return null;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return null;
  }
}
