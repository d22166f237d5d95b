/**
 * Whole copies of older files: when one is made, what of it counts, and what is never written over.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../src/base/errors.ts";
import type { PieceIndex } from "../../src/base/units.ts";
import { MemoryDisk } from "./support/memory_disk.ts";
import { reuseFolder } from "../../src/disk/reuse.ts";
import { TorrentDisk } from "../../src/disk/torrent_disk.ts";
import { systemHasher } from "../../src/platform/hasher.ts";
import type { Drafts, FileIo } from "../../src/ports/disk.ts";
import { draw } from "../swarm/support.ts";
import { fill, makeTorrent } from "./support/torrent.ts";

const PIECE = 100;
const FILES = ["t/a 250", "t/d/b 130", "pad 20", "t/c 720"];
const { signal } = new AbortController();
const torrent = makeTorrent(FILES, { pieceLength: PIECE });
const { metainfo } = torrent;

/** A disk of which every whole copy is known; `meanwhile` happens once one is made. */
class Scene {
  readonly disk = new MemoryDisk({ hasher: systemHasher });
  readonly made: string[] = [];
  meanwhile: (draft: string) => void = () => {};
  selection: readonly number[] | undefined;
  allocate: "sparse" | "full" = "sparse";

  get files(): FileIo {
    const { disk } = this;
    const drafts: Drafts = {
      make: async (spec, options) => {
        if (!await disk.drafts.make(spec, options)) return false;
        this.made.push(spec.from);
        this.meanwhile(spec.to);
        return true;
      },
      drop: (path) => disk.drafts.drop(path),
    };
    return {
      drafts,
      shortOf: () => disk.shortOf(),
      listOld: (folder, options) => disk.listOld(folder, options),
      openStore: (spec) => disk.openStore(spec),
      openSideFile: (folder, name) => disk.openSideFile(folder, name),
      bootMark: () => disk.bootMark(),
    };
  }

  /** Puts older copies of all files there. */
  putOld(change: (bytes: Uint8Array, file: number) => void = () => {}): void {
    for (const file of [0, 1, 3]) {
      const bytes = torrent.file(file).slice();
      change(bytes, file);
      this.disk.put(`old/${file}`, bytes);
    }
  }

  /** Opens the torrent and reuses what there is. */
  async run<T>(then: (open: TorrentDisk, reused: number) => Promise<T> | T): Promise<T> {
    const { files } = this;
    await using open = await TorrentDisk.open(files, {
      metainfo,
      output: "out",
      allocate: this.allocate,
      bufferBytes: 2 * PIECE,
      hasher: systemHasher,
      ...(this.selection && { selection: this.selection }),
    });
    await open.check({ signal });
    const task = { files, metainfo, disk: open, folder: "old" };
    const { bytes } = await reuseFolder(task, { signal });
    return await then(open, bytes);
  }

  /** Names of what is in the folder of the download. */
  get there(): string[] {
    return [...this.disk.files.keys()].filter((path) => path.startsWith("out/")).sort();
  }
}

Deno.test("reuseFolder() makes whole copies, and writes nothing more to them", async () => {
  const scene = new Scene();
  scene.putOld();
  const times: number[] = [];
  scene.meanwhile = (draft) => times.push(scene.disk.files.get(draft)!.mtimeMs);
  await scene.run((open, bytes) => {
    assertEquals([draw(open.have), bytes], ["x".repeat(12), 1120]);
  });
  assertEquals(scene.made, ["old/0", "old/1", "old/3"]);
  const files = [[0, "t/a"], [1, "t/d/b"], [3, "t/c"]] as const;
  assertEquals(files.map(([, path]) => scene.disk.files.get(`out/${path}`)!.mtimeMs), times);
  for (const [file, path] of files) {
    assertEquals(scene.disk.files.get(`out/${path}`)!.bytes, torrent.file(file).slice());
  }
});

Deno.test("reuseFolder() believes of a whole copy what the copy hashes to", async () => {
  const scene = new Scene();
  // Pieces by which the older copy is tried are right in all cases.
  scene.putOld((bytes, file) => void (file === 3 && (bytes[250]! ^= 1)));
  scene.meanwhile = (draft) => {
    const file = scene.disk.files.get(draft)!;
    if (file.bytes.length === 720) file.bytes[555]! ^= 1;
  };
  await scene.run(async (open, bytes) => {
    assertEquals([draw(open.have), bytes], ["xxxxxx xx xx", 920]);
    for (const piece of [6, 9]) {
      const buffer = fill(open.allocate(), torrent.piece(piece));
      assertEquals((await open.writePiece(piece as PieceIndex, buffer)).isGood, true);
      buffer.release();
    }
    assertEquals(open.isComplete, true);
  });
  assertEquals(scene.made.length, 3);
  assertEquals(scene.disk.files.get("out/t/c")!.bytes, torrent.file(3).slice());
});

Deno.test("reuseFolder() copies no file of which a sample is wrong as a whole", async () => {
  const scene = new Scene();
  scene.putOld((bytes, file) => void (file === 3 && (bytes[719]! ^= 1)));
  await scene.run((open) => assertEquals(draw(open.have), "xxxxxxxxxxx "));
  assertEquals(scene.made, ["old/0", "old/1"]);
});

Deno.test("reuseFolder() copies no file as a whole that is there", async () => {
  const scene = new Scene();
  scene.putOld();
  const mine = new Uint8Array(300).fill(7);
  mine.set(torrent.file(3).subarray(0, 200));
  scene.disk.put("out/t/c", mine);
  const { id } = scene.disk.files.get("out/t/c")!;
  await scene.run((open, bytes) => {
    assertEquals([draw(open.have), bytes], ["x".repeat(12), 1120 - 200]);
  });
  assertEquals([scene.made, scene.disk.files.get("out/t/c")!.id], [["old/0", "old/1"], id]);
});

Deno.test("reuseFolder() copies nothing as a whole into reserved space", async () => {
  const scene = new Scene();
  scene.allocate = "full";
  scene.putOld();
  await scene.run((open) => assertEquals(open.isComplete, true));
  assertEquals(scene.made, []);
});

Deno.test("reuseFolder() leaves a file alone that appears meanwhile", async () => {
  const scene = new Scene();
  scene.selection = [3];
  scene.putOld();
  let id = 0;
  scene.meanwhile = () => {
    scene.disk.put("out/t/c", new Uint8Array(720).fill(7));
    ({ id } = scene.disk.files.get("out/t/c")!);
  };
  // Piece by piece it is written to as ever.
  await scene.run((open) => assertEquals(open.isComplete, true));
  assertEquals(scene.made, ["old/3"]);
  assertEquals(scene.disk.files.get("out/t/c")!.id, id);
  assertEquals(scene.there.filter((path) => path.endsWith(".copy")), []);
});

Deno.test("reuseFolder() copies files of the selection only", async () => {
  const scene = new Scene();
  scene.selection = [0];
  scene.putOld();
  await scene.run((open) => {
    assertEquals([draw(open.have), open.isComplete], ["xxx         ", true]);
    assertEquals(scene.there.filter((path) => path.startsWith("out/t")), ["out/t/a"]);
  });
  assertEquals(scene.made, ["old/0"]);
});

Deno.test("a whole copy that is changed later is noticed", async () => {
  const scene = new Scene();
  scene.putOld();
  await scene.run(async (open) => {
    const file = scene.disk.files.get("out/t/c")!;
    file.bytes[0]! ^= 1;
    scene.disk.touch(file);
    await open.settle();
    assertEquals(draw(open.have), "xxxx xxxxxxx");
  });
});

Deno.test("reuseFolder() leaves no half of a copy on a full disk", async () => {
  const scene = new Scene();
  scene.putOld();
  scene.disk.options = { hasher: systemHasher, fullAfterBytes: 1100 + 400 };
  const error = await assertRejects(() => scene.run(() => {}), DiskError);
  assertEquals([error.kind, scene.made], ["full", ["old/0", "old/1"]]);
  assertEquals(scene.there.filter((path) => path.endsWith(".copy")), []);
});

Deno.test("reuseFolder() goes on piece by piece where copies get no name", async () => {
  const scene = new Scene();
  scene.putOld();
  scene.meanwhile = (draft) => scene.disk.files.delete(draft);
  await scene.run((open) => assertEquals(open.isComplete, true));
  // Another one would fare no better.
  assertEquals(scene.made, ["old/0"]);
});

Deno.test("reuseFolder() leaves no second name of what it has copied", async () => {
  const scene = new Scene();
  scene.putOld();
  const { files } = scene.disk;
  // Who gives the new name cannot take the old one away.
  let stuck: string | undefined;
  scene.meanwhile = (draft) => stuck = draft;
  files.delete = (path) => {
    if (path !== stuck) return Map.prototype.delete.call(files, path);
    stuck = undefined;
    return false;
  };
  await scene.run((open) => assertEquals(open.isComplete, true));
  assertEquals(scene.made, ["old/0", "old/1", "old/3"]);
  assertEquals(scene.there.filter((path) => path.endsWith(".copy")), []);
});

Deno.test("open() removes the copy that a process left which was killed", async () => {
  const scene = new Scene();
  scene.selection = [0];
  scene.putOld();
  scene.meanwhile = () => {
    throw new Error("killed");
  };
  await assertRejects(() => scene.run(() => {}), Error, "killed");
  const draft = scene.there.find((path) => path.endsWith(".copy"))!;
  assertEquals(scene.disk.files.get(draft)!.bytes, torrent.file(0).slice());
  scene.meanwhile = () => {};
  await scene.run((open) => assertEquals(open.isComplete, true));
  assertEquals(scene.there.filter((path) => path.endsWith(".copy")), []);
});

Deno.test("what was copied before the signal aborts is hashed by the next run", async () => {
  const scene = new Scene();
  scene.putOld();
  const stop = new AbortController();
  const { files } = scene;
  {
    await using open = await TorrentDisk.open(files, {
      ...{ metainfo, output: "out", allocate: "sparse", bufferBytes: 200, hasher: systemHasher },
    });
    await open.check({ signal });
    scene.meanwhile = () => scene.made.length === 2 && stop.abort(new Error("stop"));
    const task = { files, metainfo, disk: open, folder: "old" };
    await assertRejects(() => reuseFolder(task, { signal: stop.signal }), Error, "stop");
  }
  scene.disk.files.delete("old/3");
  await scene.run((open) => assertEquals(draw(open.have), "xxxx        "));
  assertEquals(scene.there.filter((path) => path.startsWith("out/t")), ["out/t/a", "out/t/d/b"]);
});
