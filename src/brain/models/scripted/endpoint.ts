import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { randomToken } from '../../../base/ids.ts';
import { playDemo } from './demo.ts';
import type { MessagesRequest } from './messages-request.ts';
import type { Scripted, ScriptedFailure } from './reply.ts';
import type { Attempts, Scenario } from './scenario.ts';
import { parseScenario, playScenario } from './scenario.ts';
import { InvalidRequest, validate } from './validate.ts';
import { messageOf, streamOf } from './wire-stream.ts';

export type ScriptedOptions = {
  /** `scripted/<name>` is `<name>.yaml` in here. */
  readonly scenariosDir: string;
  /** Scenarios given in code, by name; they win over files. */
  readonly scenarios?: Readonly<Record<string, Scenario>>;
  readonly clock: Clock;
};

/**
 * A real Messages endpoint without a model behind it: `POST /v1/messages` with everything the API promises,
 * streaming, validation, usage, errors. Stateless but for the attempt counts of failing scenarios.
 */
export function createScriptedEndpoint(options: ScriptedOptions): (request: Request) => Promise<Response> {
  const attempts = createAttempts();
  const files = createScenarioFiles();
  return async (request) => {
    try {
      return await answer({ ...options, attempts, files }, request);
    } catch (cause) {
      if (cause instanceof InvalidRequest)
        return failed({ status: 400, type: 'invalid_request_error', message: cause.message });
      throw cause;
    }
  };
}

type Stage = ScriptedOptions & { readonly attempts: Attempts; readonly files: ScenarioFiles };

async function answer(options: Stage, request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (request.method !== 'POST' || pathname !== '/v1/messages')
    return failed({ status: 404, type: 'not_found_error', message: 'Not found' });
  if (!request.headers.get('x-api-key') && !request.headers.get('authorization')) {
    return failed({ status: 401, type: 'authentication_error', message: 'x-api-key header is required' });
  }
  if (!request.headers.get('anthropic-version')) {
    return failed({
      status: 400,
      type: 'invalid_request_error',
      message: 'anthropic-version: header is required',
    });
  }
  const wanted = validate(await bodyOf(request));
  const scripted = await play(options, wanted);
  if (!scripted) return failed({ status: 404, type: 'not_found_error', message: `model: ${wanted.model}` });
  if ('failure' in scripted) {
    if (scripted.failure.delayMs) await options.clock.sleep(scripted.failure.delayMs, request.signal);
    return failed(scripted.failure);
  }
  const { reply } = scripted;
  if (reply.delayMs) await options.clock.sleep(reply.delayMs, request.signal);
  const message = messageOf(wanted, reply);
  if (!wanted.stream) return new Response(JSON.stringify(message), { headers: headers('application/json') });
  const body = streamOf(message, reply, { clock: options.clock, signal: request.signal });
  return new Response(body, { headers: headers('text/event-stream') });
}

async function bodyOf(request: Request): Promise<unknown> {
  const text = await request.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidRequest('The request body is not valid JSON');
  }
}

async function play(
  { attempts, files, ...options }: Stage,
  wanted: MessagesRequest,
): Promise<Scripted | null> {
  const name = /^scripted\/([A-Za-z0-9_-]{1,64})$/.exec(wanted.model)?.[1];
  if (name === undefined) return null;
  const given = options.scenarios?.[name];
  if (given) return playScenario(given, wanted, attempts);
  if (name === 'demo') return playDemo(wanted);
  const scenario = await files.read(join(options.scenariosDir, `${name}.yaml`));
  return scenario && playScenario(scenario, wanted, attempts);
}

/** Scenario files, parsed again only when they changed. */
type ScenarioFiles = { read(path: string): Promise<Scenario | null> };

function createScenarioFiles(): ScenarioFiles {
  const known = new Map<string, { version: string; scenario: Scenario }>();
  return {
    async read(path) {
      // With every request, and a look at a file costs less than to have another thread do it.
      const found = statSync(path, { throwIfNoEntry: false });
      if (!found?.isFile()) return null;
      const version = `${found.mtimeMs} ${found.size} ${found.ino}`;
      const cached = known.get(path);
      if (cached?.version === version) return cached.scenario;
      const scenario = parsed(path, await readFile(path, 'utf8'));
      if (known.size >= scenariosKeptMax) known.clear();
      known.set(path, { version, scenario });
      return scenario;
    },
  };
}

const scenariosKeptMax = 100;

function parsed(path: string, text: string): Scenario {
  try {
    return parseScenario(text);
  } catch (cause) {
    throw new InvalidRequest(
      `the scenario ${path} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`,
    );
  }
}

const attemptsKeptMax = 10_000;

function createAttempts(): Attempts {
  const counts = new Map<string, number>();
  return {
    next(key) {
      const count = (counts.get(key) ?? 0) + 1;
      if (counts.size >= attemptsKeptMax) counts.clear();
      counts.set(key, count);
      return count;
    },
  };
}

function headers(contentType: string): Record<string, string> {
  return { 'content-type': contentType, 'request-id': `req_01${randomToken(22)}` };
}

function failed({ status, type, message, retryAfterSeconds }: ScriptedFailure): Response {
  const retry = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  const body = JSON.stringify({ type: 'error', error: { type, message } });
  return new Response(body, { status, headers: { ...headers('application/json'), ...retry } });
}
