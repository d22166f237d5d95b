/**
 * Synchronous digests of small inputs by `node:crypto`. Pieces are hashed by the file store, off the
 * main thread.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Hasher } from "../ports/hash.ts";

/** The system's hash functions. */
export const systemHasher: Hasher = {
  sha1: (data) => digest("sha1", data),
  sha256: (data) => digest("sha256", data),
};

function digest(name: "sha1" | "sha256", data: Uint8Array): Uint8Array {
  const out = createHash(name).update(data).digest();
  return new Uint8Array(out.buffer, out.byteOffset, out.length);
}
