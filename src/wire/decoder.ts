/**
 * Bytes of a peer in, calls of a {@link WireHandler} out: one frame machine per connection, after the
 * handshake (BEP 3, https://www.bittorrent.org/beps/bep_0003.html). No sockets: the session reads into
 * `reserve()` and tells `commit()` how much came.
 *
 * Invariant: outside of `commit()` the receive buffer holds at most one incomplete frame, at its start.
 *
 * Hot path, once per block: integers are read in place, nothing is allocated but the view of the block.
 *
 * @module
 */

import { getUint16, getUint32 } from "../base/bytes.ts";
import { BugError, PeerError } from "../base/errors.ts";
import { KIB } from "../base/units.ts";
import {
  ALLOWED_FAST,
  BITFIELD,
  CANCEL,
  CHOKE,
  EXTENDED,
  FIXED_LENGTH,
  HAVE,
  HAVE_ALL,
  HAVE_NONE,
  INTERESTED,
  MAX_BITFIELD_BYTES,
  MAX_LENGTH,
  MAX_PIECE_LENGTH,
  NOT_INTERESTED,
  PIECE,
  PIECE_HEADER_BYTES,
  PORT,
  PREFIX_BYTES,
  REJECT,
  REQUEST,
  SUGGEST,
  UNCHOKE,
} from "./message.ts";

/** What a receive buffer starts with: a read of 64 KiB is where loopback stops getting faster. */
export const MIN_BUFFER_BYTES: number = 64 * KIB;

/** What it grows to for a peer that fills it; only a single larger frame makes it longer, for its time. */
export const MAX_BUFFER_BYTES: number = 256 * KIB;

/**
 * One method per message. Numbers are plain wire integers (uint32, `port` uint16), not yet checked
 * against the torrent; byte arrays are views of the receive buffer and valid until the method returns.
 * A method may throw (a `PeerError`) or call `Decoder.stop()`; either way no further method is called.
 */
export interface WireHandler {
  /** A frame of length zero. */
  onKeepAlive(): void;
  /** The peer chokes us. */
  onChoke(): void;
  /** The peer no longer chokes us. */
  onUnchoke(): void;
  /** The peer is interested. */
  onInterested(): void;
  /** The peer is not interested. */
  onNotInterested(): void;
  /** The peer has a piece. */
  onHave(index: number): void;
  /** The pieces the peer has; spare bits are not checked. Exactly ⌈pieces/8⌉ bytes where that is known. */
  onBitfield(bits: Uint8Array): void;
  /** The peer asks for a block. */
  onRequest(index: number, begin: number, length: number): void;
  /** A block of 1 to 16,384 bytes. */
  onPiece(index: number, begin: number, block: Uint8Array): void;
  /** The peer takes a request back. */
  onCancel(index: number, begin: number, length: number): void;
  /** The UDP port of the peer's DHT node. */
  onPort(port: number): void;
  /** The peer suggests a piece (BEP 6). */
  onSuggest(index: number): void;
  /** The peer has every piece (BEP 6). */
  onHaveAll(): void;
  /** The peer has no piece (BEP 6). */
  onHaveNone(): void;
  /** The peer will not answer a request (BEP 6). */
  onReject(index: number, begin: number, length: number): void;
  /** The peer will give a piece even while choking (BEP 6). */
  onAllowedFast(index: number): void;
  /** An extension message (BEP 10); id 0 is the extension handshake. */
  onExtended(id: number, payload: Uint8Array): void;
}

/**
 * The frame machine of one connection.
 *
 * ```text
 * buffer   |<- incomplete frame ->|<------ reserve() ------>|
 *          0                   #tail                     length
 * ```
 */
export class Decoder {
  /** Where the buffer lies while it is of a usual length; {@link MAX_BUFFER_BYTES} or more. */
  #memory: Uint8Array | undefined;
  #buffer: Uint8Array;
  /** Bytes held, from the start of the buffer. */
  #tail = 0;
  /** Bytes that are still to come of a frame that is thrown away. */
  #skip = 0;
  /** The buffer's length while it holds no frame longer than {@link MAX_BUFFER_BYTES}. */
  #usualBytes = MIN_BUFFER_BYTES;
  /** What `reserve()` gave last; starts at `#tail` of `#buffer` or is stale. */
  #view: Uint8Array;
  /** The only length a bitfield may have, or -1 while that is unknown. */
  #bitfieldBytes = -1;
  #isStopped = false;
  #frames = 0;

  /**
   * @param options `pieceCount` is left out until the metadata is known; `memory`, at least
   * {@link MAX_BUFFER_BYTES}, is received in as long as no frame is longer.
   */
  constructor(options: { pieceCount?: number | undefined; memory?: Uint8Array | undefined } = {}) {
    this.#memory = options.memory;
    this.#view = this.#buffer = this.#take(MIN_BUFFER_BYTES);
    if (options.pieceCount !== undefined) this.setPieceCount(options.pieceCount);
  }

  /** From now on a bitfield must have exactly ⌈`pieceCount`/8⌉ bytes. */
  setPieceCount(pieceCount: number): void {
    this.#bitfieldBytes = Math.ceil(pieceCount / 8);
  }

  /** Receives there, once what is received in now has been full: at least {@link MAX_BUFFER_BYTES}. */
  useMemory(memory: Uint8Array): void {
    this.#memory = memory;
  }

  /** Delivers nothing more, not even the rest of a `commit()` in which it is called. Idempotent. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Bytes of memory held for receiving. */
  get bufferBytes(): number {
    return this.#buffer.length;
  }

  /** Frames that were delivered or begun to be thrown away, keep-alives included. */
  get frames(): number {
    return this.#frames;
  }

  /** Where to read to: at least one byte, owned by the decoder, valid until the next `commit()`. */
  reserve(): Uint8Array {
    const view = this.#view;
    if (view.buffer === this.#buffer.buffer && view.byteOffset === this.#tail) return view;
    return this.#view = this.#buffer.subarray(this.#tail);
  }

  /**
   * Takes the first `n` bytes of what `reserve()` returned and calls the handler for each frame that is
   * now complete. Must not be called from within a handler.
   *
   * @throws {PeerError} a length that its message may not have, as soon as length and id are there; and
   * whatever the handler throws. The decoder is stopped then.
   */
  commit(n: number, handler: WireHandler): void {
    const end = this.#tail + n;
    if (n < 0 || end > this.#buffer.length) throw new BugError("Cannot commit: beyond the buffer");
    if (this.#isStopped) return;
    const isFilled = end === this.#buffer.length;
    let head = 0;
    try {
      head = this.#deliver(end, handler);
    } catch (error) {
      this.#isStopped = true;
      throw error;
    }
    if (head > 0 && head < end) this.#buffer.copyWithin(0, head, end);
    this.#tail = end - head;
    if (isFilled) this.#resize();
  }

  /** Delivers the complete frames of the first `end` bytes and returns how many bytes are done with. */
  #deliver(end: number, handler: WireHandler): number {
    const buffer = this.#buffer;
    let head = 0;
    if (this.#skip > 0) {
      head = Math.min(this.#skip, end);
      this.#skip -= head;
    }
    while (end - head >= PREFIX_BYTES && !this.#isStopped) {
      const length = getUint32(buffer, head);
      if (length > MAX_LENGTH) throw tooLong(length);
      const next = head + PREFIX_BYTES + length;
      if (length === 0) {
        handler.onKeepAlive();
        head = next;
        this.#frames++;
        continue;
      }
      if (end - head === PREFIX_BYTES) break;
      const id = buffer[head + PREFIX_BYTES]!;
      const isKnown = this.#check(id, length);
      if (next > end) {
        if (isKnown) break;
        this.#skip = next - end;
      } else if (id === PIECE) {
        handler.onPiece(
          getUint32(buffer, head + 5),
          getUint32(buffer, head + 9),
          buffer.subarray(head + PIECE_HEADER_BYTES, next),
        );
      } else if (isKnown) {
        dispatch(handler, id, buffer, head + PREFIX_BYTES + 1, next);
      }
      head = next;
      this.#frames++;
    }
    return head < end ? head : end;
  }

  /**
   * Whether the id is one of ours; others are skipped.
   *
   * @throws {PeerError} when its length is not right.
   */
  #check(id: number, length: number): boolean {
    if (id === PIECE) {
      if (length > MAX_PIECE_LENGTH) throw tooLong(length);
      if (length < PIECE_HEADER_BYTES - PREFIX_BYTES + 1) throw badLength(id, length);
      return true;
    }
    const fixed = FIXED_LENGTH[id]!;
    if (fixed !== 0) {
      if (length !== fixed) throw badLength(id, length);
      return true;
    }
    if (id === BITFIELD) {
      const expected = this.#bitfieldBytes;
      const bytes = length - 1;
      if (expected < 0 ? bytes < 1 || bytes > MAX_BITFIELD_BYTES : bytes !== expected) {
        throw new PeerError("bad-bitfield", `Cannot take bitfield: it has ${bytes} bytes`);
      }
      return true;
    }
    if (id !== EXTENDED) return false;
    if (length < 2) throw badLength(id, length);
    return true;
  }

  /**
   * Gives the buffer another length once it was full: twice as much for a peer that sends fast, what a
   * long frame needs, or the usual length again when the long frame is done with. (A buffer beyond the
   * usual length never reaches beyond its frame, so it is full when the frame is complete.)
   */
  #resize(): void {
    if (this.#usualBytes < MAX_BUFFER_BYTES) this.#usualBytes *= 2;
    let bytes = this.#usualBytes;
    if (this.#tail >= bytes) {
      // At most twice what has arrived, whatever length the frame claims.
      bytes = Math.min(2 * this.#tail, PREFIX_BYTES + getUint32(this.#buffer, 0));
    }
    const isElsewhere = this.#memory !== undefined && bytes <= this.#memory.length &&
      this.#memory.buffer !== this.#buffer.buffer;
    if (bytes === this.#buffer.length && !isElsewhere) return;
    const buffer = this.#take(bytes);
    if (buffer.buffer !== this.#buffer.buffer) buffer.set(this.#buffer.subarray(0, this.#tail));
    this.#buffer = buffer;
  }

  #take(bytes: number): Uint8Array {
    if (this.#memory === undefined || bytes > this.#memory.length) return new Uint8Array(bytes);
    return this.#memory.subarray(0, bytes);
  }
}

/** Calls the method of any message but `piece`; its payload is `start` to `end`. */
function dispatch(
  handler: WireHandler,
  id: number,
  buffer: Uint8Array,
  start: number,
  end: number,
): void {
  switch (id) {
    case CHOKE:
      return handler.onChoke();
    case UNCHOKE:
      return handler.onUnchoke();
    case INTERESTED:
      return handler.onInterested();
    case NOT_INTERESTED:
      return handler.onNotInterested();
    case HAVE:
      return handler.onHave(getUint32(buffer, start));
    case BITFIELD:
      return handler.onBitfield(buffer.subarray(start, end));
    case PORT:
      return handler.onPort(getUint16(buffer, start));
    case SUGGEST:
      return handler.onSuggest(getUint32(buffer, start));
    case HAVE_ALL:
      return handler.onHaveAll();
    case HAVE_NONE:
      return handler.onHaveNone();
    case ALLOWED_FAST:
      return handler.onAllowedFast(getUint32(buffer, start));
    case EXTENDED:
      return handler.onExtended(buffer[start]!, buffer.subarray(start + 1, end));
    default:
      return dispatchRange(handler, id, buffer, start);
  }
}

/** The three messages whose payload is `<index><begin><length>`. */
function dispatchRange(handler: WireHandler, id: number, buffer: Uint8Array, start: number): void {
  const index = getUint32(buffer, start);
  const begin = getUint32(buffer, start + 4);
  const length = getUint32(buffer, start + 8);
  if (id === REQUEST) handler.onRequest(index, begin, length);
  else if (id === CANCEL) handler.onCancel(index, begin, length);
  else if (id === REJECT) handler.onReject(index, begin, length);
}

function tooLong(length: number): PeerError {
  return new PeerError("message-too-long", `Cannot take message: it claims ${length} bytes`);
}

function badLength(id: number, length: number): PeerError {
  return new PeerError("bad-message", `Cannot take message ${id}: it claims ${length} bytes`);
}
