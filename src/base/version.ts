/**
 * Who we are, on the wire and to people. A test holds it equal to deno.json.
 *
 * @module
 */

/** The program's version. */
export const VERSION = "0.1.0";

/** The day of the release, for the manual page. */
export const RELEASE_DATE = "2026-11-22";

/** How a peer id starts (BEP 20, Azureus style): two letters and the version. */
export const PEER_ID_PREFIX: string = `-SL${
  VERSION.split(".").map((n) => n.slice(0, 1)).join("").padEnd(4, "0")
}-`;

/** What trackers and web servers see. */
export const USER_AGENT: string = `starling/${VERSION}`;
