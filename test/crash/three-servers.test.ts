import { crashSuite } from './suite.ts';

crashSuite('three servers on PostgreSQL');
