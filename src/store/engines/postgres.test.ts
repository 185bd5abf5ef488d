import { describe } from 'node:test';
import { engineContract, snapshotContract } from '../../../test/contract/engine.ts';
import { sharedPostgres } from '../../../test/support/postgres.ts';
import { openPostgres } from './postgres.ts';

describe('PostgreSQL', () => {
  const open = async () => openPostgres(await (await sharedPostgres()).newDatabase());
  engineContract(open);
  snapshotContract(open);
});
