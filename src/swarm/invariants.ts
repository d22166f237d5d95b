/**
 * Proves that the rooms of a swarm agree with each other; for tests. Slow on purpose: everything is counted
 * again from the start.
 *
 * @module
 */

import type { Bitfield } from "../base/bitfield.ts";
import type { PieceMap } from "../metainfo/piece_map.ts";
import { ASKED, type Assembly } from "./assembly.ts";
import type { Availability } from "./availability.ts";
import type { Peer } from "./peer.ts";
import type { Readers } from "./readers.ts";

/** What is compared. */
export interface SwarmParts {
  readonly map: PieceMap;
  readonly have: Bitfield;
  readonly lacking: Bitfield;
  readonly assembly: Assembly;
  readonly availability: Availability;
  readonly peers: readonly Peer[];
  readonly readers: Readers;
}

/** @throws {Error} that says what does not fit. */
export function checkSwarm(parts: SwarmParts): void {
  parts.assembly.checkInvariants();
  parts.availability.checkInvariants();
  checkPieces(parts);
  checkRequests(parts);
  for (const peer of parts.peers) checkPeer(parts, peer);
}

/** A missing wanted piece is either pickable or open, or nobody reads it; others are neither. */
function checkPieces(parts: SwarmParts): void {
  const { map, have, lacking, assembly, availability, peers, readers } = parts;
  for (const piece of map.indices()) {
    const places = Number(availability.pickable.has(piece)) +
      Number(assembly.get(piece) !== undefined);
    const isOpen = assembly.get(piece) !== undefined;
    if (places !== Number(lacking.has(piece) && (isOpen || readers.covers(piece)))) {
      throw new Error(`piece ${piece} is in ${places} sets`);
    }
    if (have.has(piece) && !readers.covers(piece)) throw new Error(`piece ${piece} is kept`);
    if (lacking.has(piece) && have.has(piece)) throw new Error(`piece ${piece} is had and lacking`);
    const count = peers.filter((peer) => !peer.isSeed && peer.have.has(piece)).length;
    if (availability.count(piece) !== count) {
      throw new Error(`piece ${piece}: ${availability.count(piece)} have it, not ${count}`);
    }
  }
}

/** A block is asked of a peer just where that peer's queue has it. */
function checkRequests({ assembly, peers }: SwarmParts): void {
  let marks = 0;
  const bySlot = new Map(peers.map((peer) => [peer.slot, peer]));
  for (const open of assembly.all) {
    for (let block = 0; block < open.blocks; block++) {
      if (open.state[block] !== ASKED) continue;
      for (const slot of [open.first[block]!, open.second[block]!]) {
        if (slot < 0) continue;
        marks++;
        if (bySlot.get(slot)?.requests.has(open.piece, block)) continue;
        throw new Error(`block ${open.piece}:${block} is not in the queue of slot ${slot}`);
      }
    }
  }
  const asked = peers.reduce((sum, peer) => sum + peer.requests.length, 0);
  if (marks !== asked) throw new Error(`${asked} requests for ${marks} blocks`);
}

function checkPeer({ lacking, assembly }: SwarmParts, peer: Peer): void {
  let useful = 0;
  for (let i = 0; i < lacking.length; i++) {
    if (lacking.has(i) && peer.have.has(i)) useful++;
  }
  if (peer.useful !== useful) throw new Error(`useful is ${peer.useful}, not ${useful}`);
  if (peer.amInterested !== useful > 0) throw new Error("interest does not follow");
  for (const piece of peer.trial) {
    if (assembly.get(piece) === undefined) throw new Error(`trial piece ${piece} is not open`);
  }
}
