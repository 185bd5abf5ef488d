/** What the endings of file names stand for: the types people upload. The first ending of a type names it. */
const types: readonly (readonly [type: string, ...endings: string[]])[] = [
  ['application/epub+zip', 'epub'],
  ['application/gzip', 'gz', 'tgz'],
  ['application/javascript', 'js', 'mjs', 'cjs'],
  ['application/json', 'json', 'map', 'ipynb'],
  ['application/jsonl', 'jsonl', 'ndjson'],
  ['application/msword', 'doc'],
  ['application/pdf', 'pdf'],
  ['application/rtf', 'rtf'],
  ['application/sql', 'sql'],
  ['application/toml', 'toml'],
  ['application/vnd.apache.parquet', 'parquet'],
  ['application/vnd.ms-excel', 'xls'],
  ['application/vnd.ms-powerpoint', 'ppt'],
  ['application/vnd.oasis.opendocument.spreadsheet', 'ods'],
  ['application/vnd.oasis.opendocument.text', 'odt'],
  ['application/vnd.openxmlformats-officedocument.presentationml.presentation', 'pptx'],
  ['application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', 'xlsx'],
  ['application/vnd.openxmlformats-officedocument.wordprocessingml.document', 'docx'],
  ['application/vnd.sqlite3', 'sqlite', 'sqlite3', 'db'],
  ['application/wasm', 'wasm'],
  ['application/x-7z-compressed', '7z'],
  ['application/x-bzip2', 'bz2'],
  ['application/x-sh', 'sh'],
  ['application/x-tar', 'tar'],
  ['application/x-xz', 'xz'],
  ['application/xml', 'xml', 'xsd', 'xsl'],
  ['application/yaml', 'yaml', 'yml'],
  ['application/zip', 'zip'],
  ['application/zstd', 'zst'],
  ['audio/flac', 'flac'],
  ['audio/mp4', 'm4a'],
  ['audio/mpeg', 'mp3'],
  ['audio/ogg', 'ogg', 'oga', 'opus'],
  ['audio/wav', 'wav'],
  ['font/otf', 'otf'],
  ['font/ttf', 'ttf'],
  ['font/woff2', 'woff2'],
  ['image/avif', 'avif'],
  ['image/bmp', 'bmp'],
  ['image/gif', 'gif'],
  ['image/heic', 'heic'],
  ['image/jpeg', 'jpg', 'jpeg'],
  ['image/png', 'png'],
  ['image/svg+xml', 'svg'],
  ['image/tiff', 'tiff', 'tif'],
  ['image/webp', 'webp'],
  ['image/x-icon', 'ico'],
  ['text/calendar', 'ics'],
  ['text/css', 'css'],
  ['text/csv', 'csv'],
  ['text/html', 'html', 'htm'],
  ['text/markdown', 'md', 'markdown'],
  ['text/plain', 'txt', 'text', 'log', 'ini', 'conf', 'cfg', 'env'],
  ['text/tab-separated-values', 'tsv'],
  ['text/x-c', 'c', 'h', 'cc', 'cpp', 'hpp'],
  ['text/x-go', 'go'],
  ['text/x-java', 'java'],
  ['text/x-python', 'py'],
  ['text/x-ruby', 'rb'],
  ['text/x-rust', 'rs'],
  ['text/x-typescript', 'ts', 'tsx'],
  ['video/mp4', 'mp4', 'm4v'],
  ['video/mpeg', 'mpeg', 'mpg'],
  ['video/quicktime', 'mov'],
  ['video/webm', 'webm'],
];

const byEnding: ReadonlyMap<string, string> = new Map(
  types.flatMap(([type, ...endings]) => endings.map((ending) => [ending, type] as const)),
);
const endingOf: ReadonlyMap<string, string> = new Map(types.map(([type, ending = '']) => [type, ending]));

/** The media type that a file's name suggests, or null. */
export function typeByName(filename: string): string | null {
  return byEnding.get(/\.([^./\\]+)$/.exec(filename)?.[1]?.toLowerCase() ?? '') ?? null;
}

/** What names of this type end with, such as `.csv`; empty when unknown. Parameters are passed over. */
export function endingByType(mediaType: string): string {
  const ending = endingOf.get(essence(mediaType));
  return ending === undefined ? '' : `.${ending}`;
}

/** A media type without parameters, in lower case. */
export function essence(mediaType: string): string {
  return mediaType.split(';', 1).join('').trim().toLowerCase();
}
