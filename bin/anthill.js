#!/usr/bin/env -S node --max-semi-space-size=4
// The young generation stays small: it costs no measurable speed and saves 10 MB idle, 30 MB under load.
// The published package runs its compiled sources, a checkout runs them as they are.
import { existsSync } from 'node:fs';
import { enableCompileCache } from 'node:module';

enableCompileCache?.();
const compiled = new URL('../dist/main/main.js', import.meta.url);
const source = new URL('../src/main/main.ts', import.meta.url);
const { main } = await import(existsSync(source) ? source.href : compiled.href);
process.exitCode = await main(process);
