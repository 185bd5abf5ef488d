/** Takes secrets out of a text that somebody else wrote, however they are usually written down. */
export function scrub(text: string, secrets: readonly string[]): string {
  const spellings = secrets.flatMap(spellingsOf).filter((spelling) => spelling !== '');
  // The longest first: one spelling may be part of another.
  const ordered = [...new Set(spellings)].sort((a, b) => b.length - a.length);
  return ordered.reduce((clean, spelling) => clean.replaceAll(spelling, '[secret]'), text);
}

function spellingsOf(secret: string): string[] {
  const bytes = Buffer.from(secret, 'utf8');
  const quoted = JSON.stringify(secret).slice(1, -1);
  return [
    secret,
    quoted,
    quoted.replaceAll('/', '\\/'),
    encodeURIComponent(secret),
    new URLSearchParams({ '': secret }).toString().slice(1),
    secret.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`),
    secret.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;'),
    bytes.toString('base64'),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
    bytes.toString('hex'),
  ];
}
