import type { Organization } from '../domain/organization.ts';
import type { Engine } from './engines/engine.ts';
import { build } from './tables.ts';

export function createIdentity(engine: Engine): Organization['identity'] {
  return {
    getOrCreate(name, make) {
      return engine.write(async (tx) => {
        const [row] = await tx.all(
          build.selectFrom('identity').select('value').where('name', '=', name).compile(),
        );
        if (row) return row.value;
        const value = make();
        await tx.run(build.insertInto('identity').values({ name, value }).compile());
        return value;
      });
    },
  };
}
