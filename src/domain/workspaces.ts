import { formatUs } from '../base/timestamp.ts';
import { invalid } from '../protocol/refusal.ts';
import type { Workspace, WorkspaceCreate, WorkspaceUpdate } from '../protocol/workspaces.ts';
import { tagsProblem } from '../protocol/workspaces.ts';
import { archivedWorkspace } from './api-keys.ts';
import { workspacesMax } from './limits.ts';

/** For those who do not choose: told apart by their ids. */
const colors = ['#6C5BB9', '#2F7D6B', '#B9643B', '#3B72B9', '#A63D6F', '#7A8B2E', '#5A6570', '#C29A2B'];

const dataResidency: Workspace['data_residency'] = {
  allowed_inference_geos: 'unrestricted',
  default_inference_geo: 'global',
  workspace_geo: 'us',
};

export function createWorkspace(params: WorkspaceCreate, id: string, nowUs: number): Workspace {
  refuseElsewhere(params);
  return {
    id,
    type: 'workspace',
    name: params.name,
    display_color: params.display_color ?? colorOf(id),
    tags: params.tags ?? {},
    data_residency: dataResidency,
    compartment_id: '',
    external_key_id: null,
    user_profile_id: null,
    created_at: formatUs(nowUs),
    archived_at: null,
  };
}

export function checkWorkspaceAdmission(active: number): void {
  if (active >= workspacesMax)
    throw invalid(
      `the organization has ${workspacesMax} workspaces, the most it can hold; archive one first`,
    );
}

/** Absent and null keep; tags are merged, null removes one. The same object when nothing changed. */
export function updateWorkspace(current: Workspace, params: WorkspaceUpdate): Workspace {
  refuseElsewhere(params);
  if (current.archived_at !== null) throw archivedWorkspace(current.id);
  const changed: Workspace = {
    ...current,
    name: params.name ?? current.name,
    display_color: params.display_color ?? current.display_color,
    tags: mergeTags(current.tags, params.tags ?? {}),
  };
  return JSON.stringify(changed) === JSON.stringify(current) ? current : changed;
}

/** One-way and idempotent. The default workspace stays: keys of the organization act in it. */
export function archiveWorkspace(current: Workspace, defaultId: string, nowUs: number): Workspace {
  if (current.id === defaultId) throw invalid(`Workspace ${current.id} is the default one and stays.`);
  return current.archived_at === null ? { ...current, archived_at: formatUs(nowUs) } : current;
}

function mergeTags(
  current: Workspace['tags'],
  sent: Readonly<Record<string, string | null>>,
): Workspace['tags'] {
  const merged = Object.entries({ ...current, ...sent }).filter(
    (entry): entry is [string, string] => entry[1] !== null,
  );
  const tags = Object.fromEntries(merged);
  const problem = tagsProblem(tags);
  if (problem !== null) throw invalid(`tags: ${problem}`);
  return tags;
}

/** Data lies on this machine and nowhere else; a choice that would be without effect is not accepted. */
function refuseElsewhere(params: WorkspaceUpdate | WorkspaceCreate): void {
  const { allowed_inference_geos: geos, default_inference_geo: geo } = params.data_residency ?? {};
  if ((geos != null && geos !== 'unrestricted') || (geo != null && geo !== 'global'))
    throw invalid('data_residency: not supported by this server; leave it out');
  for (const field of ['external_key_id', 'user_profile_id'] as const) {
    if (params[field] != null) throw invalid(`${field}: not supported by this server; leave it out`);
  }
}

function colorOf(id: string): string {
  let sum = 0;
  for (const character of id) sum += character.codePointAt(0) ?? 0;
  return colors[sum % colors.length] ?? '#6C5BB9';
}
