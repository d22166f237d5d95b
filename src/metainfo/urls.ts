/**
 * URLs that came from a torrent or a magnet link: which are kept at all.
 *
 * Only what we can ever contact is: http, https and udp for trackers, http and https for web seeds.
 * Whether it *may* be contacted is the safety policy's affair, not this file's.
 *
 * @module
 */

/** Trackers kept of one torrent at the most, over all tiers. */
export const MAX_TRACKERS = 100;
/** Web seeds kept of one torrent at the most. */
export const MAX_WEB_SEEDS = 100;
/** Entries looked at before giving up on a list of which nothing can be used. */
export const MAX_URLS_SEEN = 5_000;

/** The URL as written, without white space around it, if it can be a tracker's. */
export function trackerUrl(text: string): string | undefined {
  return usableUrl(text, /^(?:https?|udp):\/\//i);
}

/** The URL as written, without white space around it, if it can be a web seed's. */
export function webSeedUrl(text: string): string | undefined {
  return usableUrl(text, /^https?:\/\//i);
}

/** Nobody's URL is longer; servers refuse 8 KiB and more. */
const MAX_URL_LENGTH = 4096;
// White space and control characters have no place inside a URL, and the parser would drop some silently.
// deno-lint-ignore no-control-regex
const UNFIT = /[\s\u0000-\u001f\u007f-\u009f]/;

function usableUrl(text: string, scheme: RegExp): string | undefined {
  if (text.length > MAX_URL_LENGTH) return undefined;
  const url = text.trim();
  if (!scheme.test(url) || UNFIT.test(url)) return undefined;
  return URL.parse(url)?.hostname ? url : undefined;
}
