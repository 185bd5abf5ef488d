import { tailsContract } from '../../test/contract/tails.ts';
import { createTails } from './tails.ts';

tailsContract(createTails);
