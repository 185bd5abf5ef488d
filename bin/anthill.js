#!/usr/bin/env node
// The published package runs its compiled sources, a checkout runs them as they are.
import { existsSync } from 'node:fs';
import { enableCompileCache } from 'node:module';

enableCompileCache?.();
const compiled = new URL('../dist/main/main.js', import.meta.url);
const source = new URL('../src/main/main.ts', import.meta.url);
const { main } = await import(existsSync(source) ? source.href : compiled.href);
process.exitCode = await main(process);
