/**
 * Picker, in drawings; table.ts says how they are read.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { type Drawing, type PeerDrawing, Table } from "./table.ts";

const setup = (drawing: Drawing) => new Table(drawing);

interface Case {
  readonly name: string;
  readonly table: Drawing;
  readonly peer: PeerDrawing;
  /** What is drawn after a fill. */
  readonly after: string;
}

const CASES: readonly Case[] = [
  {
    name: "opens the rarest piece that the peer has",
    table: { availability: "3123" },
    peer: { has: "x xx", depth: 2 },
    after: "- - zz.. -",
  },
  {
    name: "finishes an open piece before it opens a rarer one",
    table: { availability: "1123", open: "- - - xa.." },
    peer: { has: "xxxx", depth: 2 },
    after: "- - - xazz",
  },
  {
    name: "goes on with a new piece when the open one is all asked for",
    table: { availability: "9129", open: "- - - xa.." },
    peer: { has: "xxxx", depth: 4 },
    after: "- zz.. - xazz",
  },
  {
    name: "finishes the open piece that is nearest to its end first",
    table: { availability: "1111", open: "x... xx.. xxx. -" },
    peer: { has: "xxxx", depth: 3 },
    after: "x... xxzz xxxz -",
  },
  {
    name: "leaves open pieces alone that the peer does not have",
    table: { availability: "1111", open: "xxx. - - -" },
    peer: { has: "   x", depth: 1 },
    after: "xxx. - - z...",
  },
  {
    name: "never opens what is ours",
    table: { availability: "1123", have: "x x " },
    peer: { has: "xxxx", depth: 99 },
    after: "- zzzz - zzzz",
  },
  {
    name: "asks for nothing when the peer has nothing that lacks",
    table: { availability: "1111", have: "xx  " },
    peer: { has: "xx  ", depth: 9 },
    after: "- - - -",
  },
  {
    name: "takes pieces in order when they are wanted so",
    table: { availability: "9911", isSequential: true },
    peer: { has: " xxx", depth: 6 },
    after: "- zzzz zz.. -",
  },
  {
    name: "takes the rarest of its own when only seeds have most pieces",
    table: { availability: "0".repeat(70) + "3213" },
    peer: { has: " ".repeat(70) + "xxxx", depth: 1 },
    after: "- ".repeat(70) + "- - z... -",
  },
  {
    name: "opens two pieces and no more for a peer that is not proven",
    table: { availability: "1234" },
    peer: { has: "xxxx", depth: 99, isTrusted: false },
    after: "zzzz zzzz - -",
  },
  {
    name: "lets a peer that is not proven join two pieces and no more",
    table: { availability: "1111", open: "xx.. xxx. x... ...a" },
    peer: { has: "xxxx", depth: 99, isTrusted: false },
    after: "xxzz xxxz x... ...a",
  },
  {
    name: "gives a suspect a piece of its own",
    table: { availability: "1234", open: "xx.. - - -" },
    peer: { has: "xxxx", depth: 2, isTrusted: false, isOnParole: true },
    after: "xx.. zz.. - -",
  },
  {
    name: "lets a suspect help where nothing is left to load alone",
    table: { availability: "1111", open: "xx.. xxx. xxxx aaaa" },
    peer: { has: "xxxx", depth: 2, isTrusted: false, isOnParole: true },
    after: "xxz. xxxz xxxx aaaa",
  },
  {
    name: "lets a suspect help where it has none of what could be opened",
    table: { availability: "1111", open: "xx.. xxx. - -" },
    peer: { has: "xx  ", depth: 2, isTrusted: false, isOnParole: true },
    after: "xxz. xxxz - -",
  },
  {
    name: "lets a suspect help block by block where memory is short",
    table: { availability: "1111", open: "xx.. x... - -", buffers: 2 },
    peer: { has: "xxxx", depth: 4, isTrusted: false, isOnParole: true },
    after: "xxz. x... - -",
  },
  {
    name: "opens nothing where memory is short",
    table: { availability: "1111", open: "xaa. xaaa - -", buffers: 2 },
    peer: { has: "xxxx", depth: 4 },
    after: "xaaz xaaa - -",
  },
  {
    name: "asks a choking peer for allowed pieces only",
    table: { availability: "1111", open: "xxx. xx.. - -" },
    peer: { has: "xxxx", depth: 4, isChoking: true, allowed: [1, 3] },
    after: "xxx. xxzz - zz..",
  },
  {
    name: "asks nobody for an allowed piece that it does not have",
    table: { availability: "1111" },
    peer: { has: "xxx ", depth: 4, isChoking: true, allowed: [3] },
    after: "- - - -",
  },
  {
    name: "asks a choking peer for nothing",
    table: { availability: "1111", open: "xx.. - - -" },
    peer: { has: "xxxx", depth: 4, isChoking: true },
    after: "xx.. - - -",
  },
];

for (const { name, table, peer, after } of CASES) {
  Deno.test(`fill() ${name}`, () => {
    const drawn = setup(table);
    drawn.fill(drawn.peer(peer));
    assertEquals(drawn.draw(), after);
  });
}

Deno.test("fill() asks in order from the first free block", () => {
  const table = setup({ availability: "1", open: "x.a." });
  assertEquals(table.fill(table.peer({ has: "x", depth: 9 })), "0:1 0:3");
});

Deno.test("fill() stays with its piece when another comes nearer to its end", () => {
  const table = setup({ availability: "11", open: "x... x..." });
  const peer = table.peer({ has: "xx", depth: 1 });
  const piece = table.fill(peer)[0];
  const other = piece === "0" ? 1 : 0;
  table.assembly.put(table.assembly.get(other)!, 1, new Uint8Array(0), 0, 0);
  table.assembly.put(table.assembly.get(other)!, 2, new Uint8Array(0), 0, 0);
  peer.depth = 2;
  assertEquals(table.fill(peer)[0], piece);
});

Deno.test("fill() does nothing when we are not interested", () => {
  const table = setup({ availability: "1" });
  const peer = table.peer({ has: "x", depth: 9 });
  peer.amInterested = false;
  assertEquals(table.fill(peer), "");
});

Deno.test("fill() opens any of the rarest when several are as rare", () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 60; seed++) {
    const table = setup({ availability: "21112", seed });
    seen.add(table.fill(table.peer({ has: "xxxxx" })));
  }
  assertEquals([...seen].sort(), ["1:0", "2:0", "3:0"]);
});

Deno.test("fill() opens random pieces first, then the rarest", () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 100; seed++) {
    const table = setup({ availability: "99999199", isNew: true, seed });
    const asked = table.fill(table.peer({ has: "xxxxxxxx", depth: 17 })).split(" ");
    const opened = asked.filter((what) => what.endsWith(":0"));
    seen.add(opened[0]!);
    assert(opened.includes("5:0"), `${opened}`);
  }
  assertEquals(seen.size, 8);
});

Deno.test("fill() finds every piece when the peer has none of the rarest", () => {
  // Far more pieces that many have than the walk down the rarest looks at.
  const availability = "1".repeat(100) + "2".repeat(100);
  const table = setup({ availability, blocks: 1 });
  const peer = table.peer({ has: " ".repeat(100) + "x".repeat(100), depth: 200 });
  assertEquals(table.fill(peer).split(" ").length, 100);
});

Deno.test("fill() lets a proven peer open as many pieces as it can load", () => {
  const table = setup({ availability: "1234" });
  const peer = table.peer({ has: "xxxx", depth: 99, isTrusted: false });
  table.fill(peer);
  peer.isTrusted = true;
  table.fill(peer);
  assertEquals(table.draw(), "zzzz zzzz zzzz zzzz");
});

Deno.test("fill() keeps others out of a suspect's piece", () => {
  const table = setup({ availability: "11" });
  const suspect = table.peer({ has: "x ", depth: 2, isTrusted: false, isOnParole: true });
  table.fill(suspect);
  table.fill(table.peer({ has: "xx", depth: 9, slot: "b" }));
  assertEquals(table.draw(), "zz.. bbbb");
  suspect.depth = 3;
  table.fill(suspect);
  assertEquals(table.draw(), "zzz. bbbb");
});

Deno.test("fill() searches again when a piece comes back or the peer has one more", () => {
  const table = setup({ availability: "1".repeat(80), open: "aaaa" });
  const peer = table.peer({ has: "x", depth: 1 });
  assertEquals(table.fill(peer), "");
  table.assembly.close(table.assembly.get(0)!);
  table.availability.enter(0);
  assertEquals(table.fill(peer), "0:0");
  const other = table.peer({ has: "x", depth: 1, slot: "b" });
  other.dryAt = table.availability.entries;
  assertEquals(table.fill(other), "0:1", "an open piece needs no search");
});

// ---- endgame -------------------------------------------------------------------------------------

Deno.test("fill() asks a second peer when nothing else is left", () => {
  const table = setup({ availability: "11", open: "xxaa bbxx" });
  const asked = table.fill(table.peer({ has: "xx", depth: 99 })).split(" ").sort();
  assertEquals(asked, ["0:2", "0:3", "1:0", "1:1"]);
  assertEquals(table.draw(), "xxaa bbxx");
});

Deno.test("fill() asks no second peer when a piece could be opened", () => {
  const table = setup({ availability: "111", open: "xxaa bbxx -" });
  assertEquals(table.fill(table.peer({ has: "xx ", depth: 99 })), "");
});

Deno.test("fill() asks nobody twice while the peer has work of its own", () => {
  const table = setup({ availability: "1", open: "aa.x" });
  const peer = table.peer({ has: "x", depth: 99 });
  assertEquals(table.fill(peer), "0:2");
  assertEquals(table.fill(peer), "");
});

Deno.test("fill() asks nobody twice while our own limit holds everything up", () => {
  const table = setup({ availability: "1", open: "aaax", isThrottled: true });
  assertEquals(table.fill(table.peer({ has: "x", depth: 99 })), "");
});

Deno.test("fill() asks no third peer and nobody twice", () => {
  const table = setup({ availability: "1", open: "aaxx" });
  const [a, second, third] = ["a", "y", "z"].map((slot) =>
    table.peer({ has: "x", depth: 99, slot })
  );
  assertEquals(table.fill(a!), "");
  assertEquals(table.fill(second!), "0:0 0:1");
  assertEquals(table.fill(second!), "");
  assertEquals(table.fill(third!), "");
});

Deno.test("fill() asks for a few blocks a second time in one go", () => {
  const table = setup({ availability: "1", open: "a".repeat(64), blocks: 64 });
  const peer = table.peer({ has: "x", depth: 200 });
  assertEquals(table.fill(peer).split(" ").length, 16);
});

Deno.test("fill() asks a second time when slow peers hold all memory and the peer is idle", () => {
  const table = setup({ availability: "111", open: "aaxx bbbb -", buffers: 2 });
  const peer = table.peer({ has: "x x", depth: 99 });
  assertEquals(table.fill(peer), "0:0 0:1");
  assert(peer.isStarved);
});

Deno.test("fill() waits for the disk when that has the memory", () => {
  const table = setup({ availability: "111", open: "aaxx xxxx -", buffers: 2 });
  table.assembly.hand(table.assembly.get(1)!);
  assertEquals(table.fill(table.peer({ has: "x x", depth: 99 })), "");
});

Deno.test("fill() puts the peer in the place of a second when both keep us waiting", () => {
  const table = setup({ availability: "1", open: "aaxx" });
  const [first, second, third] = ["a", "b", "z"].map((slot) =>
    table.peer({ has: "x", depth: 99, slot })
  );
  table.fill(second!);
  assertEquals(table.fill(third!), "");
  second!.isSilent = true;
  assertEquals(table.fill(third!), "", "the first may still answer");
  first!.isSilent = true;
  assertEquals(table.fill(third!), "0:0 0:1");
  assertEquals([second!.requests.length, second!.isDoubtful], [0, true]);
  assertEquals(table.fill(second!), "", "it was asked in vain");
});

Deno.test("fill() keeps an unproven peer to two pieces when it asks a second time", () => {
  const table = setup({ availability: "111", open: "aaaa bbbb cccc" });
  const peer = table.peer({ has: "xxx", depth: 99, isTrusted: false });
  const pieces = new Set(table.fill(peer).split(" ").map((what) => what[0]));
  assertEquals([pieces.size, peer.trial.length], [2, 2]);
});

// ---- batches -------------------------------------------------------------------------------------

Deno.test("fill() waits for room for several requests when the pipeline is deep", () => {
  const table = setup({ availability: "1".repeat(40) });
  const peer = table.peer({ has: "x".repeat(40), depth: 64 });
  assertEquals(table.fill(peer).split(" ").length, 64);
  peer.depth = 71;
  assertEquals(table.fill(peer), "");
  peer.depth = 73;
  assertEquals(table.fill(peer).split(" ").length, 9);
});
