/**
 * The URL in the options of a UDP announce, by hand.
 *
 * @module
 */

import { assertEquals } from "@std/assert";

/** Path and query that the options of an announce have (BEP 41), one character a byte. */
export function urlDataOf(announce: Uint8Array): string {
  let text = "";
  for (let at = 98; at < announce.length; at += 2 + announce[at + 1]!) {
    assertEquals(announce[at], 2);
    text += String.fromCharCode(...announce.subarray(at + 2, at + 2 + announce[at + 1]!));
  }
  return text;
}
