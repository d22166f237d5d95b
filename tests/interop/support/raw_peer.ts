/**
 * One scripted peer on one accepted connection: raw bytes of the peer protocol (BEP 3), written and
 * read here without any of the program's own code, so that it can lie in every way.
 *
 * @module
 */

/** What a scripted peer has to give. */
export interface Payload {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** Bytes of a piece. */
  readonly pieceBytes: number;
  /** The whole content of the torrent. */
  readonly bytes: Uint8Array;
}

/**
 * How a peer behaves.
 *
 * - `honest`: gives what is asked for.
 * - `mute`: accepts and never says a word.
 * - `garbage`: answers the handshake with noise.
 * - `stranger`: shakes hands for another torrent.
 * - `short-bitfield`, `spare-bits`: a bitfield of the wrong length, or with bits past the last piece.
 * - `choker`: has everything and never unchokes.
 * - `staller`: unchokes and never answers a request.
 * - `liar`: every block it gives is wrong.
 * - `half-liar`: every fourth block is wrong.
 * - `misplacer`: gives right bytes at a wrong place.
 * - `flooder`: sends blocks nobody asked for, without end.
 * - `giant`: announces a message of 2 GiB and starts to send it.
 * - `cutter`: hangs up in the middle of its third block.
 * - `wild-have`: claims pieces far beyond the last.
 */
export type Manner =
  | "honest"
  | "mute"
  | "garbage"
  | "stranger"
  | "short-bitfield"
  | "spare-bits"
  | "choker"
  | "staller"
  | "liar"
  | "half-liar"
  | "misplacer"
  | "flooder"
  | "giant"
  | "cutter"
  | "wild-have";

/** What one connection needs. */
export interface PeerScript {
  readonly connection: Deno.Conn;
  readonly payload: Payload;
  readonly manner: Manner;
  /** Bytes a second at the most (unlimited). */
  readonly bytesPerSecond?: number;
  /** Told of every block that leaves. */
  readonly onBlock: (bytes: number) => void;
}

const UNCHOKE = Uint8Array.of(0, 0, 0, 1, 1);
const REQUEST = 6;
const PIECE = 7;

/** Plays a peer until the other side hangs up, or the script does. Never throws. */
export async function playPeer(script: PeerScript): Promise<void> {
  try {
    await new ScriptedPeer(script).play();
  } catch {
    // A reset by the other side is what most scripts provoke.
  }
}

class ScriptedPeer {
  readonly #script: PeerScript;
  #buffer = new Uint8Array(128 * 1024);
  #filled = 0;
  #blocks = 0;

  constructor(script: PeerScript) {
    this.#script = script;
  }

  async play(): Promise<void> {
    const { manner } = this.#script;
    if (manner === "mute") return await this.#listen();
    if (!await this.#need(68)) return;
    this.#drop(68);
    if (manner === "garbage") {
      await this.#send(crypto.getRandomValues(new Uint8Array(4096)));
      return await this.#listen();
    }
    await this.#send(this.#handshake());
    await this.#send(this.#bitfield());
    switch (manner) {
      case "choker":
      case "stranger":
        return await this.#listen();
      case "staller":
        await this.#send(UNCHOKE);
        return await this.#listen();
      case "flooder":
        return await this.#flood();
      case "giant":
        return await this.#giant();
      case "wild-have":
        await this.#send(Uint8Array.of(0, 0, 0, 5, 4, 0x7f, 0xff, 0xff, 0xff));
        return await this.#listen();
      default:
        await this.#send(UNCHOKE);
        return await this.#serve();
    }
  }

  #handshake(): Uint8Array {
    const bytes = new Uint8Array(68);
    bytes[0] = 19;
    bytes.set(new TextEncoder().encode("BitTorrent protocol"), 1);
    bytes.set(this.#script.payload.infoHash, 28);
    if (this.#script.manner === "stranger") bytes.fill(0x55, 28, 48);
    bytes.set(new TextEncoder().encode("-RAW001-"), 48);
    crypto.getRandomValues(bytes.subarray(56));
    return bytes;
  }

  #bitfield(): Uint8Array {
    const { payload: { bytes, pieceBytes }, manner } = this.#script;
    const pieces = Math.ceil(bytes.length / pieceBytes);
    const length = Math.ceil(pieces / 8) - (manner === "short-bitfield" ? 1 : 0);
    const message = new Uint8Array(5 + length).fill(0xff, 5);
    new DataView(message.buffer).setUint32(0, 1 + length);
    message[4] = 5;
    const spare = length * 8 - pieces;
    if (spare > 0 && manner !== "spare-bits") message[message.length - 1] = 0xff << spare;
    return message;
  }

  /** Answers requests until the other side hangs up. */
  async #serve(): Promise<void> {
    while (await this.#need(4)) {
      const replies: Uint8Array[] = [];
      for (;;) {
        const view = new DataView(this.#buffer.buffer, 0, this.#filled);
        if (this.#filled < 4 || this.#filled < 4 + view.getUint32(0)) break;
        const length = view.getUint32(0);
        if (length === 13 && view.getUint8(4) === REQUEST) {
          replies.push(this.#block(view.getUint32(5), view.getUint32(9), view.getUint32(13)));
        }
        this.#drop(4 + length);
      }
      if (!await this.#reply(replies)) return;
      if (!await this.#fill()) return;
    }
  }

  /** Sends blocks; `false` when the script hangs up instead. */
  async #reply(replies: readonly Uint8Array[]): Promise<boolean> {
    for (const reply of replies) {
      if (this.#script.manner === "cutter" && ++this.#blocks === 3) {
        await this.#send(reply.subarray(0, 5000));
        return false;
      }
      const rate = this.#script.bytesPerSecond;
      if (rate !== undefined) {
        await new Promise((resolve) => setTimeout(resolve, reply.length / rate * 1000));
      }
      await this.#send(reply);
      this.#script.onBlock(reply.length - 13);
    }
    return true;
  }

  /** `<len=0009+X><id=7><index><begin><block>`, right or wrong as the manner asks. */
  #block(index: number, begin: number, length: number): Uint8Array {
    const { payload: { bytes, pieceBytes }, manner } = this.#script;
    const offset = index * pieceBytes + begin;
    const message = new Uint8Array(13 + length);
    const view = new DataView(message.buffer);
    view.setUint32(0, 9 + length);
    message[4] = PIECE;
    view.setUint32(5, index);
    view.setUint32(9, manner === "misplacer" ? begin + 1 : begin);
    message.set(bytes.subarray(offset, offset + length), 13);
    const lies = manner === "liar" || (manner === "half-liar" && this.#blocks++ % 4 === 0);
    if (lies) message[13] = ~message[13]!;
    return message;
  }

  async #flood(): Promise<void> {
    await this.#send(UNCHOKE);
    const block = this.#block(0, 0, Math.min(16384, this.#script.payload.pieceBytes));
    for (;;) await this.#send(block);
  }

  async #giant(): Promise<void> {
    await this.#send(Uint8Array.of(0x7f, 0xff, 0xff, 0xff, PIECE));
    const noise = new Uint8Array(64 * 1024);
    for (;;) await this.#send(noise);
  }

  /** Reads and forgets until the other side hangs up. */
  async #listen(): Promise<void> {
    do this.#filled = 0; while (await this.#fill());
  }

  async #need(count: number): Promise<boolean> {
    while (this.#filled < count) if (!await this.#fill()) return false;
    return true;
  }

  /** Reads once; `false` at the end of the stream. */
  async #fill(): Promise<boolean> {
    if (this.#filled === this.#buffer.length) {
      const larger = new Uint8Array(this.#buffer.length * 2);
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    const count = await this.#script.connection.read(this.#buffer.subarray(this.#filled));
    if (count === null) return false;
    this.#filled += count;
    return true;
  }

  #drop(count: number): void {
    this.#buffer.copyWithin(0, count, this.#filled);
    this.#filled -= count;
  }

  async #send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      at += await this.#script.connection.write(bytes.subarray(at));
    }
  }
}
