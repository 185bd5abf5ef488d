#!/usr/bin/env node
// The published package runs its compiled sources, a checkout runs them as they are.
import { existsSync } from 'node:fs';
import * as module from 'node:module';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `anthill needs Node.js 22.18 or newer, this is ${process.versions.node}; in a checkout use npx anthill, which brings its own`,
  );
  process.exit(1);
}
module.enableCompileCache();
const compiled = new URL('../dist/main/main.js', import.meta.url);
const source = new URL('../src/main/main.ts', import.meta.url);
const { main } = await import(existsSync(source) ? source.href : compiled.href);
process.exitCode = await main(process);
