/**
 * Synchronous digests for tests.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Hasher } from "../../src/ports/hash.ts";

/** SHA-1 of bytes, 20 bytes. */
export function sha1(data: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha1").update(data).digest());
}

/** The hash port on `node:crypto`. */
export const testHasher: Hasher = {
  sha1,
  sha256: (data) => new Uint8Array(createHash("sha256").update(data).digest()),
};
