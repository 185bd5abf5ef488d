import type { Hono } from 'hono';
import { html, raw } from 'hono/html';
import type { OpenApi, Operation } from '../protocol/openapi.ts';
import { openApi } from '../protocol/openapi.ts';

/** The API's own documents, open to whoever reaches the server: `/openapi.json`, and `/docs` for people. */
export function addDocuments(app: Hono, version: string): void {
  let description: OpenApi | null = null;
  // Made when somebody asks, and kept: it never changes while the server runs.
  const describe = () => {
    description ??= openApi(version);
    return description;
  };
  app.get('/openapi.json', (context) => context.json(describe()));
  app.get('/docs', (context) => context.html(page(describe())));
}

type Json = { readonly [key: string]: unknown };

function page(api: OpenApi) {
  const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const tags = [...new Set(operations.flatMap(({ operation }) => operation.tags))];
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Anthill API ${api.info.version}</title>
<style>${raw(style)}</style>
</head>
<body>
<h1>Anthill API</h1>
<p>Version ${api.info.version}. The same as a file: <a href="/openapi.json">openapi.json</a>. Send a key as <code>x-api-key</code>.</p>
<nav>${tags.map((tag) => html`<a href="#${tag}">${tag}</a> `)}</nav>
${tags.map(
  (tag) => html`<h2 id="${tag}">${tag}</h2>
${operations.filter(({ operation }) => operation.tags.includes(tag)).map(section)}`,
)}
<h2 id="schemas">Schemas</h2>
${Object.entries(api.components.schemas).map(
  ([name, schema]) => html`<details id="schema-${name}"><summary>${name}</summary>${code(schema)}</details>`,
)}
</body>
</html>`;
}

function section({ path, method, operation }: { path: string; method: string; operation: Operation }) {
  return html`<details id="${operation.operationId}">
<summary><b>${method.toUpperCase()}</b> <code>${path}</code> ${operation.summary}</summary>
${operation.parameters.length === 0 ? '' : parameters(operation.parameters)}
${operation.requestBody ? html`<h3>Body</h3>${code(operation.requestBody)}` : ''}
<h3>Answers</h3>${code(operation.responses)}
</details>`;
}

function parameters(list: readonly Json[]) {
  const rows = list.map(
    ({ name, in: place, required, schema }) => html`<tr>
<td><code>${String(name)}</code></td><td>${String(place)}</td><td>${required ? 'required' : ''}</td><td><code>${JSON.stringify(schema)}</code></td>
</tr>`,
  );
  return html`<table><tbody>${rows}</tbody></table>`;
}

const reference = /"\$ref": "#\/components\/schemas\/(\w+)"/g;

/** JSON with its references as links. Only its own text is escaped by hand. */
function code(value: Json) {
  const text = JSON.stringify(value, null, 2)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replace(reference, '<a href="#schema-$1">$1</a>');
  return html`<pre>${raw(text)}</pre>`;
}

const style = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark; }
summary { cursor: pointer; padding: .3rem 0; } summary b { display: inline-block; width: 4.5rem; }
pre { overflow-x: auto; padding: .8rem; border-radius: .4rem; background: color-mix(in srgb, currentColor 7%, transparent); }
td { padding: .15rem .8rem .15rem 0; vertical-align: top; } td:last-child { overflow-wrap: anywhere; }
nav a { margin-right: .6rem; white-space: nowrap; }
`;
