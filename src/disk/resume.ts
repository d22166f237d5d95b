/**
 * The layout of the side file, pure: what is verified, when the files were last seen, and the bytes of
 * verified pieces that belong to files which are not on the disk.
 *
 * ```
 * 0        header   <"starling"><version><pieces><files><infohash 20><SHA-1 of the 40 bytes before>
 * 4096     slot A   <sequence><length><SHA-1 of both and the state><state, `length` bytes>
 *   + c    slot B   the same
 *   + 2 c  log      records, one behind the other
 * state    <boot mark length><boot mark, 64 bytes><end of the log, 8 bytes><verified ⌈pieces/8⌉>
 *          <kept ⌈pieces/8⌉><size and mtime, 8 + 8 bytes a file>
 * record   <magic><piece><mask length><data length><SHA-1 of data><SHA-1 of the 36 bytes before and the
 *          mask, first 8 bytes><mask><data>
 * ```
 *
 * A state is written to the slot with the older one, so one that is torn leaves the other good. `c` is a
 * multiple of 4096 that follows from the numbers of pieces and files, so slots share no disk block.
 * Bit `i` of a mask (bit 7 of byte 0 first) says that the record has the bytes of the piece's span `i`.
 * All integers are big-endian, 32 bits; sizes and times are 64-bit floats.
 *
 * @module
 */

import { Bitfield } from "../base/bitfield.ts";
import { equalBytes, getUint32, putUint32 } from "../base/bytes.ts";
import type { Hasher } from "../ports/hash.ts";

const MAGIC = "starling";
const VERSION = 1;
const BLOCK = 4096;
const SHA1_BYTES = 20;
const BOOT_MARK_BYTES = 64;
const LOG_END_BYTES = 8;
const FIXED_BYTES = 1 + BOOT_MARK_BYTES + LOG_END_BYTES;
const STAMP_BYTES = 16;
const SLOT_HEAD = 8 + SHA1_BYTES;
const RECORD_MAGIC = 0x6e626f72;

/** Bytes of the header. */
export const HEADER_BYTES = 60;
/** Bytes of a record before its mask. */
export const RECORD_HEAD_BYTES = 44;

/** Where things lie; follows from the torrent's numbers alone. */
export interface ResumeLayout {
  /** Pieces of the torrent. */
  readonly pieces: number;
  /** Entries of its file list. */
  readonly files: number;
  /** Bytes of a state. */
  readonly stateBytes: number;
  /** Bytes of one slot. */
  readonly slotBytes: number;
  /** Offsets of the two slots. */
  readonly slots: readonly [number, number];
  /** Where the log begins. */
  readonly log: number;
}

/** What is remembered from one run to the next. */
export interface ResumeState {
  /** The start of the machine in which it was written, "" where that is not known. */
  readonly bootMark: string;
  /** The verified pieces. */
  readonly verified: Bitfield;
  /** Those of them that are whole only with bytes out of the log. */
  readonly kept: Bitfield;
  /** Where the log ended: one that ends before has lost records. */
  readonly logEnd: number;
  /** Size of every file when last seen, -1 for one that was not there. */
  readonly sizes: Float64Array;
  /** Its time of the last change, milliseconds. */
  readonly times: Float64Array;
}

/** The head of a record, checked against nothing but itself. */
export interface RecordHead {
  /** The piece. */
  readonly piece: number;
  /** Bytes of its mask. */
  readonly maskBytes: number;
  /** Bytes of its data. */
  readonly dataBytes: number;
  /** SHA-1 of its data. */
  readonly digest: Uint8Array;
}

/** The layout for a torrent of so many pieces and files. */
export function layoutFor(pieces: number, files: number): ResumeLayout {
  const stateBytes = FIXED_BYTES + 2 * Math.ceil(pieces / 8) + files * STAMP_BYTES;
  const slotBytes = Math.ceil((SLOT_HEAD + stateBytes) / BLOCK) * BLOCK;
  return {
    pieces,
    files,
    stateBytes,
    slotBytes,
    slots: [BLOCK, BLOCK + slotBytes],
    log: BLOCK + 2 * slotBytes,
  };
}

/** The header of a side file, {@link HEADER_BYTES} long. */
export function encodeHeader(
  layout: ResumeLayout,
  infoHash: Uint8Array,
  hasher: Hasher,
): Uint8Array {
  const out = new Uint8Array(HEADER_BYTES);
  for (let i = 0; i < MAGIC.length; i++) out[i] = MAGIC.charCodeAt(i);
  putUint32(out, 8, VERSION);
  putUint32(out, 12, layout.pieces);
  putUint32(out, 16, layout.files);
  out.set(infoHash.subarray(0, SHA1_BYTES), 20);
  out.set(hasher.sha1(out.subarray(0, 40)), 40);
  return out;
}

/**
 * A state as it is written to a slot, `sequence` being one more than that of the state before.
 * Shorter than the slot.
 */
export function encodeSlot(
  layout: ResumeLayout,
  state: ResumeState,
  sequence: number,
  hasher: Hasher,
): Uint8Array {
  const out = new Uint8Array(SLOT_HEAD + layout.stateBytes);
  const view = new DataView(out.buffer);
  putUint32(out, 0, sequence);
  putUint32(out, 4, layout.stateBytes);
  const mark = new TextEncoder().encode(state.bootMark).subarray(0, BOOT_MARK_BYTES);
  out[SLOT_HEAD] = mark.length;
  out.set(mark, SLOT_HEAD + 1);
  let at = SLOT_HEAD + FIXED_BYTES;
  view.setFloat64(at - LOG_END_BYTES, state.logEnd);
  for (const { bytes } of [state.verified, state.kept]) {
    out.set(bytes, at);
    at += bytes.length;
  }
  for (let i = 0; i < layout.files; i++, at += STAMP_BYTES) {
    view.setFloat64(at, state.sizes[i]!);
    view.setFloat64(at + 8, state.times[i]!);
  }
  out.set(slotDigest(out, hasher), 8);
  return out;
}

/** The state in a slot's bytes, `undefined` for anything that is not a whole one of this layout. */
export function decodeSlot(
  layout: ResumeLayout,
  bytes: Uint8Array,
  hasher: Hasher,
): { state: ResumeState; sequence: number } | undefined {
  const { stateBytes, pieces } = layout;
  const slot = bytes.subarray(0, SLOT_HEAD + stateBytes);
  if (slot.length < SLOT_HEAD + stateBytes || getUint32(slot, 4) !== stateBytes) return undefined;
  if (!equalBytes(slot.subarray(8, SLOT_HEAD), slotDigest(slot, hasher))) return undefined;
  const view = new DataView(slot.buffer, slot.byteOffset, slot.length);
  const markLength = Math.min(slot[SLOT_HEAD]!, BOOT_MARK_BYTES);
  const markStart = SLOT_HEAD + 1;
  const bootMark = new TextDecoder().decode(slot.subarray(markStart, markStart + markLength));
  let at = SLOT_HEAD + FIXED_BYTES;
  const logEnd = view.getFloat64(at - LOG_END_BYTES);
  const bitfieldBytes = Math.ceil(pieces / 8);
  const verified = Bitfield.fromWire(slot.subarray(at, at += bitfieldBytes), pieces);
  const kept = Bitfield.fromWire(slot.subarray(at, at += bitfieldBytes), pieces);
  if (!verified || !kept) return undefined;
  const sizes = new Float64Array(layout.files);
  const times = new Float64Array(layout.files);
  for (let i = 0; i < layout.files; i++, at += STAMP_BYTES) {
    sizes[i] = view.getFloat64(at);
    times[i] = view.getFloat64(at + 8);
  }
  const state = { bootMark, verified, kept, logEnd, sizes, times };
  return { state, sequence: getUint32(slot, 0) };
}

/** A whole record. */
export function encodeRecord(
  record: { readonly piece: number; readonly mask: Uint8Array; readonly data: Uint8Array },
  hasher: Hasher,
): Uint8Array {
  const { piece, mask, data } = record;
  const out = new Uint8Array(RECORD_HEAD_BYTES + mask.length + data.length);
  putUint32(out, 0, RECORD_MAGIC);
  putUint32(out, 4, piece);
  putUint32(out, 8, mask.length);
  putUint32(out, 12, data.length);
  out.set(hasher.sha1(data), 16);
  out.set(mask, RECORD_HEAD_BYTES);
  out.set(data, RECORD_HEAD_BYTES + mask.length);
  out.set(headDigest(out, mask, hasher), 36);
  return out;
}

/** The head of a record, `undefined` where the bytes are none. */
export function decodeRecordHead(bytes: Uint8Array): RecordHead | undefined {
  if (bytes.length < RECORD_HEAD_BYTES || getUint32(bytes, 0) !== RECORD_MAGIC) return undefined;
  return {
    piece: getUint32(bytes, 4),
    maskBytes: getUint32(bytes, 8),
    dataBytes: getUint32(bytes, 12),
    digest: bytes.slice(16, 16 + SHA1_BYTES),
  };
}

/** Whether a record's head and mask are as they were written. */
export function isHeadIntact(head: Uint8Array, mask: Uint8Array, hasher: Hasher): boolean {
  return equalBytes(head.subarray(36, RECORD_HEAD_BYTES), headDigest(head, mask, hasher));
}

function slotDigest(slot: Uint8Array, hasher: Hasher): Uint8Array {
  const signed = new Uint8Array(slot.length - SHA1_BYTES);
  signed.set(slot.subarray(0, 8));
  signed.set(slot.subarray(SLOT_HEAD), 8);
  return hasher.sha1(signed);
}

function headDigest(head: Uint8Array, mask: Uint8Array, hasher: Hasher): Uint8Array {
  const signed = new Uint8Array(36 + mask.length);
  signed.set(head.subarray(0, 36));
  signed.set(mask, 36);
  return hasher.sha1(signed).subarray(0, 8);
}
