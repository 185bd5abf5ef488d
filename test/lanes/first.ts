import { runLane } from '../support/lanes.ts';

await runLane(0);
