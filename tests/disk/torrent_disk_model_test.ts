/**
 * Random runs of one torrent after another in one folder, with crashes, damage and changing selections
 * in between: what is believed is always right, what is right is always found, and in the end the
 * files are whole.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { DiskError } from "../../src/base/errors.ts";
import { MemoryDisk } from "./support/memory_disk.ts";
import { TorrentDisk } from "../../src/disk/torrent_disk.ts";
import { systemHasher as hasher } from "../../src/platform/hasher.ts";
import { below, pick, prng } from "../support/prng.ts";
import { fill, type KnownTorrent, makeTorrent } from "./support/torrent.ts";

const SEEDS = 150;
const RUNS = 6;

interface Model {
  readonly next: () => number;
  readonly torrent: KnownTorrent;
  readonly disk: MemoryDisk;
  /** Files that some run selected. */
  readonly selected: Set<number>;
  /** Pieces that must be found, as long as nothing is damaged. */
  readonly written: Set<number>;
  isSideDamaged: boolean;
}

function makeModel(seed: number): Model {
  const next = prng(seed);
  const texts = Array.from({ length: 1 + below(next, 7) }, (_, i) => {
    const length = pick(next, [0, 1, 40, below(next, 50), below(next, 400)]);
    if (length > 0 && i > 0 && next() < 0.15) return `pad ${length}`;
    return `t/${i % 2 === 0 ? "" : "sub/"}${i} ${length}`;
  });
  texts.push(`t/last ${20 + below(next, 300)}`);
  const pieceLength = pick(next, [16, 50, 128]);
  return {
    next,
    torrent: makeTorrent(texts, { pieceLength, seed }),
    disk: new MemoryDisk({ hasher }),
    selected: new Set(),
    written: new Set(),
    isSideDamaged: false,
  };
}

function open({ torrent, disk }: Model, selection: readonly number[] | undefined) {
  return TorrentDisk.open(disk, {
    metainfo: torrent.metainfo,
    output: "out",
    allocate: "sparse",
    bufferBytes: 0,
    hasher,
    ...(selection && { selection }),
  });
}

function pathOf({ torrent }: Model, file: number): string {
  return `out/${torrent.metainfo.files[file]!.path.join("/")}`;
}

function chooseSelection(model: Model): number[] | undefined {
  const { next, torrent } = model;
  if (next() < 0.3) return undefined;
  return torrent.metainfo.files.map((_, i) => i).filter(() => next() < 0.5);
}

async function checkRun(model: Model, disk: TorrentDisk, selection?: readonly number[]) {
  const { torrent } = model;
  await disk.check({ signal: new AbortController().signal });
  const { files, fileMap } = torrent.metainfo;
  for (const file of selection ?? files.keys()) model.selected.add(file);
  for (const piece of torrent.pieces) {
    const lies = fileMap.spans(piece).every(({ file, offset, length }) => {
      if (file < 0) return true;
      const bytes = model.disk.files.get(pathOf(model, file))?.bytes;
      if (!bytes || bytes.length > files[file]!.length) return false;
      return equal(
        bytes.subarray(offset, offset + length),
        torrent.file(file).subarray(offset, offset + length),
      );
    });
    if (lies) assert(disk.have.has(piece), `piece ${piece} lies there and was not found`);
    if (model.written.has(piece)) assert(disk.have.has(piece), `piece ${piece} was lost`);
  }
  await checkTruth(model, disk, selection);
}

async function checkTruth(model: Model, disk: TorrentDisk, selection?: readonly number[]) {
  const { torrent } = model;
  const { fileMap, files } = torrent.metainfo;
  for (const piece of torrent.pieces) {
    if (!disk.have.has(piece)) continue;
    for (const { file, offset, length } of fileMap.spans(piece)) {
      if (file < 0 || (selection && !selection.includes(file))) continue;
      const bytes = model.disk.files.get(pathOf(model, file))?.bytes;
      const found = bytes?.slice(offset, offset + length);
      assertEquals(found, torrent.file(file).slice(offset, offset + length));
    }
    const into = new Uint8Array(torrent.piece(piece).length);
    try {
      await disk.read(piece, 0, into);
      assertEquals(into, torrent.piece(piece).slice());
    } catch (error) {
      assert(error instanceof DiskError && model.isSideDamaged, String(error));
    }
  }
  files.forEach((_, file) => {
    const isThere = model.disk.files.has(pathOf(model, file));
    assert(model.selected.has(file) || !isThere, `file ${file} appeared`);
  });
}

async function writeSome(model: Model, disk: TorrentDisk): Promise<void> {
  const { next, torrent } = model;
  for (const piece of torrent.pieces) {
    if (disk.have.has(piece) || !disk.wanted.has(piece) || next() < 0.5) continue;
    const bytes = torrent.piece(piece).slice();
    const isBad = next() < 0.2;
    if (isBad) bytes[below(next, bytes.length)]! ^= 1 + below(next, 255);
    const buffer = fill(disk.allocate(), bytes);
    const { isGood } = await disk.writePiece(piece, buffer);
    buffer.bytes.fill(0xee);
    buffer.release();
    assertEquals(isGood, !isBad);
    if (isGood) model.written.add(piece);
    if (next() < 0.1) await disk.save();
  }
}

// Something happens to the folder while nobody uses it.
function damage(model: Model): void {
  const { next, torrent, disk } = model;
  const side = [...disk.files.keys()].find((path) => path.endsWith(".starling"));
  const file = below(next, torrent.metainfo.files.length);
  const found = disk.files.get(pathOf(model, file));
  switch (below(next, 8)) {
    case 0:
      disk.options = { hasher, bootMark: `${next()}` };
      return;
    case 1:
      if (side) disk.files.delete(side);
      break;
    case 2:
      if (side) {
        const { bytes } = disk.files.get(side)!;
        // Most of the file is padding; damage is to hit something that means something.
        const telling = [...bytes.keys()].filter((at) => bytes[at] !== 0);
        if (telling.length > 0) bytes[pick(next, telling)]! ^= 1 << below(next, 8);
        model.isSideDamaged = true;
      }
      break;
    case 3:
      if (found) disk.put(pathOf(model, file), found.bytes.slice(0, below(next, 50)));
      break;
    case 4:
      if (found && found.bytes.length > 0) {
        found.bytes[below(next, found.bytes.length)]! ^= 1;
        disk.touch(found);
      }
      break;
    case 5:
      disk.files.delete(pathOf(model, file));
      break;
    default:
      return;
  }
  model.written.clear();
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

async function play(seed: number): Promise<void> {
  const model = makeModel(seed);
  for (let run = 0; run < RUNS; run++) {
    const selection = chooseSelection(model);
    const disk = await open(model, selection);
    await checkRun(model, disk, selection);
    await writeSome(model, disk);
    await checkTruth(model, disk, selection);
    if (disk.isComplete && model.next() < 0.8) await disk.finish({ fsync: false });
    if (model.next() < 0.4) model.disk.crash();
    else await disk[Symbol.asyncDispose]();
    damage(model);
  }
  await using disk = await open(model, undefined);
  await checkRun(model, disk);
  for (const piece of model.torrent.pieces) {
    if (!disk.wanted.has(piece) || disk.have.has(piece)) continue;
    const buffer = fill(disk.allocate(), model.torrent.piece(piece));
    await disk.writePiece(piece, buffer);
    buffer.release();
  }
  await disk.finish({ fsync: false });
  model.torrent.metainfo.files.forEach(({ isPad }, file) => {
    if (isPad) return;
    const bytes = model.disk.files.get(pathOf(model, file))?.bytes;
    assertEquals(bytes, model.torrent.file(file).slice());
  });
  assertEquals([...model.disk.files.keys()].filter((path) => path.endsWith(".starling")), []);
}

Deno.test("a torrent's disk believes what is right and ends whole, whatever happens", async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      await play(seed);
    } catch (cause) {
      throw new Error(`seed ${seed}`, { cause });
    }
  }
});
