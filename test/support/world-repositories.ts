import type { Repositories } from '../../src/domain/repositories.ts';
import { repositoriesOf, repositoryError, statusProblem } from '../../src/domain/repositories.ts';

/** Repositories that do not exist. */
export const goneRepositories: Repositories = {
  warm() {},
  bring: async ({ resources }) =>
    repositoriesOf(resources).flatMap(({ url }) => {
      const problem = statusProblem(404, false);
      return problem === null ? [] : [repositoryError(url, problem)];
    }),
  cloned: async () => new Map(),
  release: async () => {},
};
