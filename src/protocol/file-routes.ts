import { filesBeta } from './beta.ts';
import {
  deletedFileSchema,
  fileListQuery,
  fileSchema,
  fileUploadFields,
  olderFileListQuery,
} from './files.ts';
import type { Route } from './route.ts';
import { act, cursor, download, list, read, remove } from './route-parts.ts';

/** The lines of the route table about files. The SDK reaches the same endpoints by two names. */

const files = { beta: null, olderBeta: filesBeta, messages: 'environments', resource: ['files'] } as const;
const betaFiles = { ...files, resource: ['beta', 'files'] } as const;
const filePath = '/v1/files/:file_id';

const paging = cursor(20, 1000);
const uploadBytesMax = 500 * 1024 * 1024;

const upload = {
  ...act,
  action: 'upload',
  summary: 'Upload a file',
  path: '/v1/files',
  form: { fields: fileUploadFields, filesBytesMax: uploadBytesMax, partsMax: 8 },
  response: fileSchema,
} as const;
const listFiles = {
  ...list(fileSchema, paging, fileListQuery),
  olderQuery: list(fileSchema, paging, olderFileListQuery).query,
  action: 'list',
  summary: 'List uploaded files, newest first; --scope-id those of a session',
  path: '/v1/files',
} as const;
const retrieveMetadata = {
  ...read,
  action: 'retrieveMetadata',
  summary: 'Get what is known about a file',
  path: filePath,
  response: fileSchema,
} as const;
const downloadFile = {
  ...download,
  action: 'download',
  summary: 'Download a file that a session made',
  path: `${filePath}/content`,
} as const;
const deleteFile = {
  ...remove,
  action: 'delete',
  summary: 'Delete a file; sessions keep their copies',
  path: filePath,
  response: deletedFileSchema,
} as const;

export const fileRoutes = {
  'files upload': { ...files, ...upload },
  'files list': { ...files, ...listFiles },
  'files retrieveMetadata': { ...files, ...retrieveMetadata },
  'files download': { ...files, ...downloadFile },
  'files delete': { ...files, ...deleteFile },
  'beta.files upload': { ...betaFiles, ...upload },
  'beta.files list': { ...betaFiles, ...listFiles },
  'beta.files retrieveMetadata': { ...betaFiles, ...retrieveMetadata },
  'beta.files download': { ...betaFiles, ...downloadFile },
  'beta.files delete': { ...betaFiles, ...deleteFile },
} as const satisfies Record<string, Route>;
