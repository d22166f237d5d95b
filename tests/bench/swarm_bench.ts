/**
 * What the exchange itself costs per block, without sockets and hashing: run with
 * `deno bench -A tests/bench/swarm_bench.ts`. An iteration downloads {@link BLOCKS} blocks (1 GiB) from
 * honest peers in turn, one block each; "time/iter" divided by 65,536 is the cost of a block. Payloads are
 * copied into their pieces, as they must be; the last bench is that copy alone.
 *
 * @module
 */

import { Bitfield } from "../../src/base/bitfield.ts";
import { BLOCK_BYTES } from "../../src/base/units.ts";
import { PieceMap } from "../../src/metainfo/piece_map.ts";
import type { PieceBuffer } from "../../src/ports/disk.ts";
import { Peer } from "../../src/swarm/peer.ts";
import { Swarm } from "../../src/swarm/swarm.ts";
import { Encoder } from "../../src/wire/encoder.ts";
import { SimRandom } from "../sim/random.ts";

const BLOCKS = 65_536;
/** Bytes of piece buffers, as the session has them. */
const BUDGET_BYTES = 32 * 1024 * 1024;
const GOOD = { isGood: true };

interface Scene {
  readonly name: string;
  readonly pieceLength: number;
  readonly pieces: number;
  readonly peers: number;
  /** Part of the pieces that each peer has; 1 for seeds. */
  readonly share: number;
  readonly isSequential?: boolean;
}

/** A download that never ends: when it is complete it starts again. */
class Download {
  readonly #scene: Scene;
  readonly #map: PieceMap;
  readonly #free: PieceBuffer[] = [];
  readonly #data = new Uint8Array(BLOCK_BYTES);
  #swarm!: Swarm;
  #peers: Peer[] = [];
  #now = 0;

  constructor(scene: Scene) {
    this.#scene = scene;
    this.#map = new PieceMap(scene.pieceLength * scene.pieces, scene.pieceLength);
    const count = Math.max(2, Math.floor(BUDGET_BYTES / scene.pieceLength));
    for (let i = 0; i < count; i++) {
      const bytes = new Uint8Array(scene.pieceLength);
      const buffer: PieceBuffer = {
        bytes,
        put: (data, at) => bytes.set(data, at),
        release: () => void this.#free.push(buffer),
      };
      this.#free.push(buffer);
    }
    this.#start();
  }

  /** Takes `blocks` blocks from the peers in turn; the disk answers after every eighth block. */
  run(blocks: number): void {
    for (let done = 0, turn = 0; done < blocks; turn++) {
      if (turn % 8 === 0) this.#settle();
      if (turn % 4096 === 0) this.#tick();
      const peer = this.#peers[turn % this.#peers.length]!;
      if (peer.requests.length === 0) continue;
      const { oldestPiece, oldestBlock } = peer.requests;
      this.#swarm.onBlock(peer, oldestPiece, oldestBlock * BLOCK_BYTES, this.#data, this.#now);
      this.#swarm.fill(peer, this.#now);
      if (peer.encoder.length > 8192) peer.encoder.take();
      done++;
    }
  }

  #tick(): void {
    this.#now += 500;
    for (const peer of this.#peers) peer.lastReadAt = this.#now;
    this.#swarm.tick(this.#now);
  }

  #settle(): void {
    for (const open of this.#swarm.takeWhole()) {
      this.#swarm.onVerdict(open, GOOD);
      this.#swarm.fillAll(this.#now);
    }
    if (this.#swarm.isComplete) this.#start();
  }

  #start(): void {
    const { pieces, peers, share, isSequential = false } = this.#scene;
    const wanted = new Bitfield(pieces);
    wanted.fill();
    const random = new SimRandom(1);
    this.#swarm = new Swarm({
      map: this.#map,
      have: new Bitfield(pieces),
      wanted,
      random,
      allocate: () => this.#free.pop(),
      isSequential,
      now: this.#now,
    });
    this.#peers = Array.from({ length: peers }, (_, slot) => this.#connect(slot));
    for (const peer of this.#peers) {
      const have = new Bitfield(pieces);
      // The first is a seed, so that it can end.
      if (share === 1 || peer.slot === 0) have.fill();
      else for (let i = 0; i < pieces; i++) if (random.below(100) < 100 * share) have.add(i);
      this.#swarm.onPieces(peer, have);
      this.#swarm.fill(peer, this.#now);
    }
  }

  #connect(slot: number): Peer {
    const peer = new Peer({
      slot,
      giver: slot,
      address: { host: "9.9.9.9", port: 1 + slot },
      peerId: new Uint8Array(20),
      supportsFast: true,
      supportsExtended: true,
      isOutgoing: true,
      encoder: new Encoder(),
      pieceCount: this.#map.pieceCount,
      now: this.#now,
    });
    this.#swarm.join(peer);
    peer.peerChoking = false;
    return peer;
  }
}

const KIB = 1024;
const SCENES: readonly Scene[] = [
  { name: "1 seed, 1 MiB pieces", pieceLength: 1024 * KIB, pieces: 4096, peers: 1, share: 1 },
  { name: "40 seeds, 1 MiB pieces", pieceLength: 1024 * KIB, pieces: 4096, peers: 40, share: 1 },
  { name: "1 seed, 16 KiB pieces", pieceLength: 16 * KIB, pieces: 100_000, peers: 1, share: 1 },
  { name: "40 seeds, 16 KiB pieces", pieceLength: 16 * KIB, pieces: 100_000, peers: 40, share: 1 },
  {
    name: "40 peers with half of it, 16 KiB pieces",
    pieceLength: 16 * KIB,
    pieces: 100_000,
    peers: 40,
    share: 0.5,
  },
  {
    name: "40 peers with a hundredth of it, 16 KiB pieces",
    pieceLength: 16 * KIB,
    pieces: 100_000,
    peers: 40,
    share: 0.01,
  },
  {
    name: "40 peers with half of it, 256 KiB pieces",
    pieceLength: 256 * KIB,
    pieces: 100_000,
    peers: 40,
    share: 0.5,
  },
  {
    name: "40 seeds in order, 16 KiB pieces",
    pieceLength: 16 * KIB,
    pieces: 100_000,
    peers: 40,
    share: 1,
    isSequential: true,
  },
];

for (const scene of SCENES) {
  let download: Download | undefined;
  Deno.bench(`65,536 blocks, ${scene.name}`, () => {
    download ??= new Download(scene);
    download.run(BLOCKS);
  });
}

{
  const into = new Uint8Array(BUDGET_BYTES);
  const data = new Uint8Array(BLOCK_BYTES);
  Deno.bench("65,536 blocks, the copy alone", () => {
    for (let i = 0; i < BLOCKS; i++) into.set(data, (i * BLOCK_BYTES) % BUDGET_BYTES);
  });
}
