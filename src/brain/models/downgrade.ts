import type { Profile } from './profile.ts';

/** What is there or not; tools that an operator said to be there are not taken back. */
type Capability = Exclude<keyof Profile, 'serverTools'>;

/** What a refusal of an endpoint speaks of when it does not have a capability. */
const signs: readonly (readonly [capability: Capability, RegExp])[] = [
  ['promptCaching', /cache_control|prompt cach/i],
  ['effort', /output_config|\beffort\b/i],
  // A block of an earlier reply, before the switch of the same name.
  ['thinkingHistory', /signature|(redacted_)?thinking`? (content )?blocks?|content.*thinking/i],
  ['thinking', /\bthinking\b|\badaptive\b/i],
  ['fastMode', /\bspeed\b|fast mode/i],
  ['inferenceGeo', /inference_geo/i],
  ['systemMessages', /\brole\b.*(system|user.*assistant)|system.*\brole\b|unexpected role/i],
  // Refusals of it list the kinds of blocks that there are instead.
  ['searchResults', /search_results?/i],
  ['documents', /\bdocuments?\b|\bpdf\b/i],
  ['contextEditing', /context_management|clear_tool_uses/i],
  ['images', /\bimages?\b|\bvision\b|multimodal/i],
];

/** Those that concern what one request contains; the others concern every request for the model. */
const perContent: ReadonlySet<Capability> = new Set([
  'thinkingHistory',
  'searchResults',
  'documents',
  'images',
]);

export type Downgrade = {
  readonly profile: Profile;
  /** The model's other requests had better go without it, too. */
  readonly isLasting: boolean;
};

/**
 * The profile without the capability that a refusal (HTTP 400 or 422) complains of, or `null` when it
 * complains of none that the profile has: the next attempt leaves it out instead of failing.
 */
export function downgraded(profile: Profile, complaint: string): Downgrade | null {
  const found = signs.find(([capability, sign]) => profile[capability] && sign.test(complaint));
  if (!found) return null;
  const [capability] = found;
  return { profile: { ...profile, [capability]: false }, isLasting: !perContent.has(capability) };
}
