/**
 * Root of all images, as the host knows it, where the server is root; the other users of a system follow. No session is
 * any of them (those begin at 700 000 000), so that no sandbox can change what it shares with others.
 */
export const systemUid = 600_000_000;
