/**
 * Memory for one piece, as stores that share nothing between threads give it.
 *
 * @module
 */

import type { PieceBuffer } from "../../src/ports/disk.ts";

/** A buffer of so many bytes. `onReleased` is told once. */
export function newPieceBuffer(length: number, onReleased: () => void): PieceBuffer {
  const bytes = new Uint8Array(length);
  let isOut = true;
  return {
    bytes,
    put: (data, at) => bytes.set(data, at),
    release: () => {
      if (isOut) onReleased();
      isOut = false;
    },
  };
}
