import { crashSuite } from './suite.ts';

crashSuite('one server');
