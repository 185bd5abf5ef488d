import type { Story } from '../simulation/scenarios.ts';
import { stories } from '../simulation/scenarios.ts';
import { budgetStories } from './stories/budgets.ts';
import { changeStories } from './stories/changes.ts';
import { failureStories } from './stories/failures.ts';
import { interruptStories } from './stories/interrupts.ts';
import { permissionStories } from './stories/permissions.ts';
import { turnStories } from './stories/turns.ts';

/** Every story whose log is kept as a file: those that the simulation tells, and one family of rules after the other. */
export const goldenStories: readonly Story[] = [
  ...stories,
  ...turnStories,
  ...permissionStories,
  ...interruptStories,
  ...failureStories,
  ...budgetStories,
  ...changeStories,
];
