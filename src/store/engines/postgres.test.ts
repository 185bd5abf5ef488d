import { describe } from 'node:test';
import { engineContract } from '../../../test/contract/engine.ts';
import { sharedPostgres } from '../../../test/support/postgres.ts';
import { openPostgres } from './postgres.ts';

describe('PostgreSQL', () => {
  engineContract(async () => openPostgres(await (await sharedPostgres()).newDatabase()));
});
