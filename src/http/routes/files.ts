import type { FileCommands } from '../../control/files.ts';
import type { Keys, Some } from '../handlers.ts';

/** The SDK has two names for each; the older clients among those of the second show by their beta value. */
export function fileRoutes(files: FileCommands): Some<Keys<'files' | 'beta.files'>> {
  return {
    'files upload': ({ body }) => files.upload(body),
    'files list': ({ query, betas }) => files.list(query, betas),
    'files retrieveMetadata': ({ params }) => files.retrieve(params.file_id),
    'files download': ({ params }) => files.download(params.file_id),
    'files delete': ({ params }) => files.delete(params.file_id),
    'beta.files upload': ({ body }) => files.upload(body),
    'beta.files list': ({ query, betas }) => files.list(query, betas),
    'beta.files retrieveMetadata': ({ params }) => files.retrieve(params.file_id),
    'beta.files download': ({ params }) => files.download(params.file_id),
    'beta.files delete': ({ params }) => files.delete(params.file_id),
  };
}
