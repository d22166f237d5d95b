/**
 * A whole swarm of honest, lying, stalling, choking, forgetting and leaving peers over a slow fake disk, in random
 * order: it always ends complete, its books agree after every step, and only liars are convicted. So it does
 * where somebody reads it through a window, looks elsewhere, and comes back.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { BLOCK_BYTES } from "../../src/base/units.ts";
import { HERE, type OpenPiece } from "../../src/swarm/assembly.ts";
import type { Reader } from "../../src/swarm/readers.ts";
import { EXTENSION_IDS } from "../../src/wire/extension.ts";
import { encodeDontHave } from "../../src/wire/lt_donthave.ts";
import { below, forSeeds, pick } from "../support/prng.ts";
import { type Remote, Room } from "./room.ts";

type Kind = "honest" | "lying" | "stalling" | "leaving" | "choking" | "rejecting" | "losing";

/** A remote that acts by itself. */
interface Actor {
  readonly remote: Remote;
  readonly kind: Kind;
  readonly isFast: boolean;
  isChoking: boolean;
  /** What it was asked and has not answered, as `piece:block`. */
  asked: string[];
}

const MAX_STEPS = 20_000;

class Play {
  readonly next: () => number;
  readonly room: Room;
  readonly actors: Actor[] = [];
  /** Givers that may lie, and those that were convicted. */
  readonly liars = new Set<number>();
  readonly guilty = new Set<number>();
  readonly #disk: OpenPiece[] = [];
  readonly #lastBytes: number;
  #goodBytes = 0;
  #tickAt = 500;
  #steps = 0;
  #reader: Reader | undefined;
  /** Whether nobody comes or gets more pieces. */
  #isNewsOver = false;

  constructor(next: () => number, seed: number, window?: number) {
    this.next = next;
    const pieces = 1 + below(next, 24);
    const blocks = 1 + below(next, 8);
    this.#lastBytes = 1 + below(next, blocks * BLOCK_BYTES);
    this.room = new Room({
      pieces,
      blocks,
      lastBytes: this.#lastBytes,
      buffers: 2 + below(next, 3),
      wanted: this.#drawn(pieces, window === undefined ? 0.95 : 1),
      isSequential: next() < 0.3,
      ...(window === undefined ? {} : { window }),
      seed,
    });
  }

  /**
   * Anybody comes and goes for a while; some stay, or all leave. Then two honest peers come, one after the
   * other, each of which has what the other lacks: what was begun must not keep the first from giving all
   * that it has.
   */
  run(): void {
    const { next, room } = this;
    for (let i = below(next, 1500); i > 0 && !room.swarm.isComplete; i--) this.step();
    this.#isNewsOver = true;
    if (next() < 0.5) { for (const actor of [...this.actors]) this.#leave(actor); }
    const half = this.#drawn(room.map.pieceCount, next());
    const first = this.#come("honest", half);
    if (room.swarm.readers.isWindowed) this.#seek(0);
    else this.#runUntil(() => first.peer.useful === 0);
    this.#come("honest", [...half].map((sign) => (sign === "x" ? " " : "x")).join(""));
    this.#runUntil(() => room.swarm.isComplete);
  }

  #runUntil(isDone: () => boolean): void {
    const deadline = this.#steps + MAX_STEPS;
    while (!isDone()) {
      this.step();
      if (this.#steps < deadline) continue;
      const { swarm, now } = this.room;
      throw new Error(`not done after ${now / 1000} s: ${swarm.lacking.count} pieces lack`);
    }
  }

  /** One random thing happens. */
  step(): void {
    const { next, room } = this;
    this.#steps++;
    const choice = next();
    if (choice < 0.05) this.#comeSomebody();
    else if (choice < 0.25) this.#judge();
    else if (choice < 0.45) room.now += below(next, 600);
    else if (this.actors.length > 0) this.#act(pick(next, this.actors));
    while (room.now >= this.#tickAt) {
      this.#tickAt += 500;
      room.swarm.tick(room.now);
    }
    this.#disk.push(...room.swarm.takeWhole());
    for (const giver of room.swarm.takeGuilty()) this.guilty.add(giver);
    for (const actor of [...this.actors]) {
      if (actor.remote.peer.closing !== undefined) this.#leave(actor);
    }
    if (room.swarm.readers.isWindowed && next() < 0.3) this.#read();
    room.swarm.checkInvariants();
    this.#checkBooks();
  }

  /** The reader takes a piece, or turns elsewhere. */
  #read(): void {
    const { next } = this;
    const { swarm, map, now } = this.room;
    if (this.#reader === undefined || (next() < 0.03 && !this.#isNewsOver)) {
      return this.#seek(below(next, map.pieceCount));
    }
    const at = this.#reader.next;
    if (swarm.have.has(at)) swarm.readers.advance(this.#reader, at + 1);
    else swarm.readers.wait(this.#reader, now);
    swarm.fillAll(now);
  }

  #seek(piece: number): void {
    const { swarm, map } = this.room;
    if (this.#reader !== undefined) swarm.readers.close(this.#reader);
    this.#reader = swarm.readers.open(piece, map.pieceCount);
    swarm.checkInvariants();
  }

  #comeSomebody(): void {
    const { next } = this;
    if (this.actors.length > 8 || this.#isNewsOver) return;
    const kinds: Kind[] = [
      "lying",
      "stalling",
      "leaving",
      "leaving",
      "choking",
      "rejecting",
      "losing",
    ];
    const isPartial = next() < 0.7;
    this.#come(pick(next, kinds), isPartial ? this.#drawn(this.room.map.pieceCount, next()) : null);
  }

  /** `have` is what it has, drawn, `null` for a peer that starts as a seed. */
  #come(kind: Kind, have: string | null): Remote {
    const { next, room } = this;
    const isFast = kind === "rejecting" || kind === "losing" || next() < 0.5;
    const remote = room.connect({
      isFast,
      isTrusted: false,
      ...(have === null ? {} : { have }),
      ...(next() < 0.3 ? { reqq: 1 + below(next, 20) } : {}),
    });
    this.actors.push({ remote, kind, isFast, isChoking: false, asked: [] });
    if (kind === "lying") this.liars.add(remote.peer.giver);
    return remote;
  }

  #drawn(pieces: number, density: number): string {
    let out = "";
    for (let i = 0; i < pieces; i++) out += this.next() < density ? "x" : " ";
    return out;
  }

  #leave(actor: Actor): void {
    const { peer } = actor.remote;
    const isHonest = actor.kind !== "lying" && actor.kind !== "rejecting";
    assert(!isHonest || peer.closing === undefined, `${actor.kind} was closed: ${peer.closing}`);
    this.actors.splice(this.actors.indexOf(actor), 1);
    this.room.disconnect(actor.remote);
  }

  #act(actor: Actor): void {
    this.#listen(actor);
    const { next } = this;
    const { remote, kind } = actor;
    if (kind === "stalling" && next() < 0.98) return;
    if (kind === "leaving" && next() < 0.15) return this.#leave(actor);
    if (kind === "choking" && next() < 0.1) return this.#toggleChoke(actor);
    if (kind === "rejecting" && next() < 0.3) return this.#reject(actor);
    if (kind === "losing" && next() < 0.1) return this.#lose(actor);
    if (next() < 0.1 && !this.#isNewsOver) return this.#gain(actor);
    for (let i = 1 + below(next, 3); i > 0 && actor.asked.length > 0; i--) {
      const at = next() < 0.8 ? 0 : below(next, actor.asked.length);
      const [piece, block] = actor.asked.splice(at, 1)[0]!.split(":").map(Number);
      remote.give(piece!, block!, kind === "lying" && next() < 0.5);
      if (remote.peer.closing !== undefined) return;
      this.#listen(actor);
    }
  }

  /** Reads what it was told; what it must not be told fails. */
  #listen(actor: Actor): void {
    const { remote, isFast } = actor;
    for (const line of remote.listen()) {
      const [verb, what] = line.split(" ");
      if (verb === "request") {
        const piece = Number(what!.split(":")[0]);
        assert(remote.peer.have.has(piece), `${what} is not there`);
        // A choke may cross a request on its way.
        if (!actor.isChoking) actor.asked.push(what!);
        else if (isFast) {
          this.#say(
            actor,
            (piece, begin, length) => remote.say.reject(piece, begin, length),
            what!,
          );
        }
      } else if (verb === "cancel") {
        const at = actor.asked.indexOf(what!);
        if (at < 0) continue;
        actor.asked.splice(at, 1);
        if (isFast) {
          this.#say(
            actor,
            (piece, begin, length) => remote.say.reject(piece, begin, length),
            what!,
          );
        }
      }
    }
  }

  #say(
    actor: Actor,
    message: (piece: number, begin: number, length: number) => void,
    what: string,
  ): void {
    const [piece, block] = what.split(":").map(Number);
    const { map } = this.room;
    message(piece!, block! * BLOCK_BYTES, map.blockBytes(map.index(piece!)!, block!));
    actor.remote.tell();
  }

  #toggleChoke(actor: Actor): void {
    actor.isChoking = !actor.isChoking;
    const { say } = actor.remote;
    if (!actor.isChoking) say.unchoke();
    else {
      say.choke();
      actor.remote.tell();
      if (actor.isFast) { for (let i = actor.asked.length; i > 0; i--) this.#reject(actor); }
      actor.asked = [];
    }
    actor.remote.tell();
  }

  #reject(actor: Actor): void {
    const what = actor.asked.shift();
    const { say } = actor.remote;
    if (what !== undefined) this.#say(actor, (p, b, l) => say.reject(p, b, l), what);
  }

  /** It takes a piece back and refuses what it was asked of it. */
  #lose(actor: Actor): void {
    const piece = below(this.next, this.room.map.pieceCount);
    const { peer, say } = actor.remote;
    if (peer.isSeed && peer.seedsEnded === 8) return;
    // An answer to what was taken back may have brought more requests, which do not cross this message.
    while (peer.encoder.length > 0) this.#listen(actor);
    say.extended(EXTENSION_IDS.lt_donthave, encodeDontHave(piece));
    actor.remote.tell();
    const isOfIt = (what: string) => what.startsWith(`${piece}:`);
    const refused = actor.asked.filter(isOfIt);
    actor.asked = actor.asked.filter((what) => !isOfIt(what));
    for (const what of refused) this.#say(actor, (p, b, l) => say.reject(p, b, l), what);
  }

  /** It has one more piece, possibly the last it lacked. */
  #gain(actor: Actor): void {
    actor.remote.say.have(below(this.next, this.room.map.pieceCount));
    actor.remote.tell();
  }

  #judge(): void {
    const open = this.#disk.splice(below(this.next, this.#disk.length + 1), 1)[0];
    if (open === undefined) return;
    const bytes = this.room.map.pieceBytes(open.piece);
    if (this.room.judge(open)) this.#goodBytes += bytes;
    this.room.swarm.fillAll(this.room.now);
  }

  /** Every byte that came is good, here, wasted or corrupt; every buffer that is out is a piece's. */
  #checkBooks(): void {
    const { swarm, pool, map } = this.room;
    assertEquals(pool.out, swarm.assembly.all.length);
    let here = 0;
    for (const open of swarm.assembly.all) {
      for (let block = 0; block < open.blocks; block++) {
        if (open.state[block] === HERE) here += map.blockBytes(open.piece, block);
      }
    }
    const { downloaded, wasted, corrupt } = swarm.counters;
    assertEquals(downloaded, this.#goodBytes + here + wasted + corrupt);
    for (const giver of this.guilty) assert(this.liars.has(giver), `${giver} is honest`);
  }
}

Deno.test("Swarm ends complete when peers lie, stall, choke, refuse, lose and leave", () => {
  forSeeds(60, (next, seed) => {
    const play = new Play(next, seed);
    play.run();
    const { room } = play;
    assertEquals([room.pool.out, room.swarm.assembly.all.length], [0, 0]);
    assert(!room.swarm.peers.some((peer) => peer.amInterested));
  });
});

Deno.test("Swarm brings a reader through a window whatever peers do", () => {
  forSeeds(60, (next, seed) => {
    const play = new Play(next, seed, 1 + below(next, 6));
    play.run();
    const { room } = play;
    assertEquals([room.pool.out, room.swarm.assembly.all.length], [0, 0]);
    assert(!room.swarm.peers.some((peer) => peer.amInterested));
  });
});
