/**
 * Which spans of a piece: a set of span numbers in the bit order of BEP 3, as the log of the side file
 * keeps it, and the bytes of those spans one behind the other.
 *
 * @module
 */

import type { FileSpan } from "../ports/disk.ts";

/** The spans that `test` holds for, as ⌈spans/8⌉ bytes; `undefined` when there is none. */
export function maskOf(
  spans: readonly FileSpan[],
  test: (span: FileSpan) => boolean,
): Uint8Array | undefined {
  const mask = new Uint8Array(Math.ceil(spans.length / 8));
  let isEmpty = true;
  spans.forEach((span, i) => {
    if (!test(span)) return;
    mask[i >>> 3]! |= 0x80 >>> (i & 7);
    isEmpty = false;
  });
  return isEmpty ? undefined : mask;
}

/** Whether span number `i` is in the mask; false out of range. */
export function isMasked(mask: Uint8Array | undefined, i: number): boolean {
  return mask !== undefined && ((mask[i >>> 3] ?? 0) & (0x80 >>> (i & 7))) !== 0;
}

/** How many bytes the masked spans have. */
export function maskedBytes(spans: readonly FileSpan[], mask: Uint8Array): number {
  let bytes = 0;
  spans.forEach((span, i) => bytes += isMasked(mask, i) ? span.length : 0);
  return bytes;
}

/** The bytes of the masked spans of a piece, one behind the other. */
export function gather(
  spans: readonly FileSpan[],
  mask: Uint8Array,
  piece: Uint8Array,
): Uint8Array {
  const out = new Uint8Array(maskedBytes(spans, mask));
  let at = 0;
  spans.forEach((span, i) => {
    if (!isMasked(mask, i)) return;
    out.set(piece.subarray(span.start, span.start + span.length), at);
    at += span.length;
  });
  return out;
}

/** Puts gathered bytes back to where they are in the piece. */
export function scatter(
  spans: readonly FileSpan[],
  mask: Uint8Array,
  data: Uint8Array,
  piece: Uint8Array,
): void {
  let at = 0;
  spans.forEach((span, i) => {
    if (!isMasked(mask, i)) return;
    piece.set(data.subarray(at, at + span.length), span.start);
    at += span.length;
  });
}
