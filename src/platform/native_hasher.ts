/**
 * Hashes one piece after the other, by `node:crypto`.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { MIB } from "../base/units.ts";
import type { HashSource, PieceHasher } from "./piece_hasher.ts";

// Larger reads fall out of the processor's cache before they are hashed.
const READ_BYTES = MIB;

/** Hashes as fast as the processor has instructions for it. */
export class NativeHasher implements PieceHasher {
  readonly lanes = 1;
  #scratch: Uint8Array | undefined;

  attach(): void {}

  detach(): void {}

  sha1(sources: readonly HashSource[]): (Uint8Array | undefined)[] {
    return sources.map((source) => this.#one(source));
  }

  #one(source: HashSource): Uint8Array | undefined {
    const hash = createHash("sha1");
    if (source.bytes) return hash.update(source.bytes).digest();
    const scratch = this.#scratch ??= new Uint8Array(READ_BYTES);
    for (let at = 0; at < source.length; at += READ_BYTES) {
      const part = scratch.subarray(0, Math.min(READ_BYTES, source.length - at));
      if (!source.read(at, part)) return undefined;
      hash.update(part);
    }
    return hash.digest();
  }
}
