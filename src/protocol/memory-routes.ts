import {
  deletedMemorySchema,
  memoryCreate,
  memoryDeleteQuery,
  memoryListItemSchema,
  memoryListQuery,
  memorySchema,
  memoryUpdate,
  memoryViewQuery,
  olderMemoryListQuery,
} from './memories.ts';
import {
  deletedMemoryStoreSchema,
  memoryStoreCreate,
  memoryStoreSchema,
  memoryStoreUpdate,
} from './memory-stores.ts';
import { memoryVersionListQuery, memoryVersionSchema } from './memory-versions.ts';
import type { Route } from './route.ts';
import { act, cursor, flag, list, read, remove, time, write } from './route-parts.ts';

/** The lines of the route table about memory stores, their memories and the versions of these. */

const style = { beta: 'agent-memory', messages: 'managed' } as const;
const paging = cursor(20, 100);
const bounds = { 'created_at[gte]': time, 'created_at[lte]': time };

const stores = { ...style, resource: ['beta', 'memoryStores'] } as const;
const memories = { ...style, resource: ['beta', 'memoryStores', 'memories'] } as const;
const versions = { ...style, resource: ['beta', 'memoryStores', 'memoryVersions'] } as const;

const storePath = '/v1/memory_stores/:memory_store_id';
const memoryPath = `${storePath}/memories/:memory_id` as const;
const versionPath = `${storePath}/memory_versions/:memory_version_id` as const;

export const memoryRoutes = {
  'beta.memoryStores create': {
    ...stores,
    ...write,
    action: 'create',
    summary: 'Create a memory store',
    path: '/v1/memory_stores',
    body: memoryStoreCreate,
    response: memoryStoreSchema,
  },
  'beta.memoryStores retrieve': {
    ...stores,
    ...read,
    action: 'retrieve',
    summary: 'Get a memory store',
    path: storePath,
    response: memoryStoreSchema,
  },
  'beta.memoryStores update': {
    ...stores,
    ...write,
    action: 'update',
    summary: 'Update a memory store: name, description, metadata',
    path: storePath,
    body: memoryStoreUpdate,
    response: memoryStoreSchema,
  },
  'beta.memoryStores list': {
    ...stores,
    ...list(memoryStoreSchema, paging, { include_archived: flag, ...bounds }),
    action: 'list',
    summary: 'List memory stores, newest first',
    path: '/v1/memory_stores',
  },
  'beta.memoryStores delete': {
    ...stores,
    ...remove,
    action: 'delete',
    summary: 'Delete a memory store with its memories and their versions',
    path: storePath,
    response: deletedMemoryStoreSchema,
  },
  'beta.memoryStores archive': {
    ...stores,
    ...act,
    action: 'archive',
    summary: 'Archive a memory store: it can be read, not written',
    path: `${storePath}/archive`,
    response: memoryStoreSchema,
  },
  'beta.memoryStores.memories create': {
    ...memories,
    ...write,
    action: 'create',
    summary: 'Create a memory at a path',
    path: `${storePath}/memories`,
    query: memoryViewQuery,
    body: memoryCreate,
    response: memorySchema,
  },
  'beta.memoryStores.memories retrieve': {
    ...memories,
    ...read,
    action: 'retrieve',
    summary: 'Get a memory with its content',
    path: memoryPath,
    query: memoryViewQuery,
    response: memorySchema,
  },
  'beta.memoryStores.memories update': {
    ...memories,
    ...write,
    action: 'update',
    summary: 'Change the content of a memory, or rename it',
    path: memoryPath,
    query: memoryViewQuery,
    body: memoryUpdate,
    response: memorySchema,
  },
  'beta.memoryStores.memories list': {
    ...memories,
    ...list(memoryListItemSchema, paging, memoryListQuery),
    olderQuery: list(memoryListItemSchema, paging, olderMemoryListQuery).query,
    action: 'list',
    summary: 'List the memories of a store by path',
    path: `${storePath}/memories`,
  },
  'beta.memoryStores.memories delete': {
    ...memories,
    ...remove,
    action: 'delete',
    summary: 'Delete a memory; its versions stay',
    path: memoryPath,
    query: memoryDeleteQuery,
    response: deletedMemorySchema,
  },
  'beta.memoryStores.memoryVersions retrieve': {
    ...versions,
    ...read,
    action: 'retrieve',
    summary: 'Get a memory version with its content',
    path: versionPath,
    query: memoryViewQuery,
    response: memoryVersionSchema,
  },
  'beta.memoryStores.memoryVersions list': {
    ...versions,
    ...list(memoryVersionSchema, paging, { ...memoryVersionListQuery, ...bounds }),
    action: 'list',
    summary: 'List the versions of the memories of a store, newest first',
    path: `${storePath}/memory_versions`,
  },
  'beta.memoryStores.memoryVersions redact': {
    ...versions,
    ...act,
    action: 'redact',
    summary: 'Redact a memory version: what it held is gone for good',
    path: `${versionPath}/redact`,
    response: memoryVersionSchema,
  },
} as const satisfies Record<string, Route>;
