/**
 * What may lie in the way of a download: nothing of it is followed, opened or changed.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { DiskError, type DiskErrorKind } from "../../src/base/errors.ts";
import type { FileStore } from "../../src/ports/disk.ts";
import { withStore } from "./support/store.ts";

const FILES = [{ path: ["t", "sub", "a"], length: 10 }];
const isWindows = Deno.build.os === "windows";

async function kindsOf(store: FileStore): Promise<DiskErrorKind[]> {
  const kinds: DiskErrorKind[] = [];
  const spans = [[{ file: 0, offset: 0, start: 0, length: 10 }]];
  for (
    const work of [
      () => store.stat(0),
      () => store.read(0, 0, new Uint8Array(1)),
      () => store.digest(spans),
      () => store.write(0, 0, new Uint8Array(1)),
      () => store.createEmpty(0),
    ]
  ) kinds.push((await assertRejects(work, DiskError)).kind);
  return kinds;
}

/** The clock of this thread goes a second ahead, until it is disposed. */
function aSecondLater(): Disposable {
  const { now } = performance;
  performance.now = () => now.call(performance) + 1000;
  return { [Symbol.dispose]: () => void (performance.now = now) };
}

const IN_THE_WAY = new Array<DiskErrorKind>(5).fill("in-the-way");

Deno.test("a link in the place of the file is in the way, and its target stays", {
  ignore: isWindows,
}, async () => {
  await withStore({ files: FILES }, async (store, root) => {
    await Deno.mkdir(`${root}/t/sub`, { recursive: true });
    await Deno.writeTextFile(`${root}/target`, "precious");
    await Deno.symlink(`${root}/target`, `${root}/t/sub/a`);
    assertEquals(await kindsOf(store), IN_THE_WAY);
    assertEquals(await Deno.readTextFile(`${root}/target`), "precious");
  });
});

Deno.test("a link that leads nowhere is in the way of writing", { ignore: isWindows }, async () => {
  await withStore({ files: FILES }, async (store, root) => {
    await Deno.mkdir(`${root}/t/sub`, { recursive: true });
    await Deno.symlink(`${root}/nowhere`, `${root}/t/sub/a`);
    const error = await assertRejects(() => store.write(0, 0, new Uint8Array(1)), DiskError);
    assertEquals(error.kind, "in-the-way");
    assertEquals([...Deno.readDirSync(root)].map(({ name }) => name), ["t"]);
  });
});

Deno.test("a link in the place of a folder is in the way, wherever it is", {
  ignore: isWindows,
}, async () => {
  for (const link of ["t", "t/sub"]) {
    await withStore({ files: FILES }, async (store, root) => {
      await Deno.mkdir(`${root}/elsewhere/sub`, { recursive: true });
      if (link !== "t") await Deno.mkdir(`${root}/t`);
      const target = link === "t" ? `${root}/elsewhere` : `${root}/elsewhere/sub`;
      await Deno.symlink(target, `${root}/${link}`);
      assertEquals(await kindsOf(store), IN_THE_WAY);
      assertEquals([...Deno.readDirSync(`${root}/elsewhere/sub`)], []);
    });
  }
});

Deno.test("the root may be a link, since the user chose it", { ignore: isWindows }, async () => {
  await withStore({ files: FILES }, async (store, root) => {
    await Deno.mkdir(`${root}-real`);
    await Deno.symlink(`${root}-real`, root);
    await store.write(0, 0, Uint8Array.of(5));
    assertEquals((await Deno.readFile(`${root}-real/t/sub/a`))[0], 5);
  });
});

Deno.test("a folder in the place of the file is in the way", async () => {
  await withStore({ files: FILES }, async (store, root) => {
    await Deno.mkdir(`${root}/t/sub/a`, { recursive: true });
    assertEquals(await kindsOf(store), IN_THE_WAY);
  });
});

Deno.test("a file in the place of a folder is in the way", async () => {
  for (const path of ["t", "t/sub"]) {
    await withStore({ files: FILES }, async (store, root) => {
      await Deno.mkdir(path === "t" ? root : `${root}/t`, { recursive: true });
      await Deno.writeTextFile(`${root}/${path}`, "precious");
      assertEquals(await kindsOf(store), IN_THE_WAY);
      assertEquals(await Deno.readTextFile(`${root}/${path}`), "precious");
    });
  }
});

Deno.test("a FIFO in the place of the file is in the way and blocks nothing", {
  ignore: isWindows,
}, async () => {
  await withStore({ files: FILES }, async (store, root) => {
    await Deno.mkdir(`${root}/t/sub`, { recursive: true });
    await new Deno.Command("mkfifo", { args: [`${root}/t/sub/a`] }).output();
    assertEquals(await kindsOf(store), IN_THE_WAY);
  });
});

Deno.test("statMany() gives what is wrong with one file beside the others", async () => {
  const files = [{ path: ["a"], length: 1 }, { path: ["b"], length: 1 }, {
    path: ["c"],
    length: 1,
  }];
  await withStore({ files }, async (store, root) => {
    await Deno.mkdir(`${root}/b`, { recursive: true });
    await Deno.writeTextFile(`${root}/c`, "x");
    const [a, b, c] = await store.statMany([0, 1, 2]);
    assertEquals(a, undefined);
    assertEquals(b instanceof DiskError && b.kind, "in-the-way");
    assertEquals(c && "size" in c && c.size, 1);
  });
});

Deno.test("a name that is too long for the system is too-long", async () => {
  const files = [{ path: ["t", "x".repeat(300)], length: 1 }];
  await withStore({ files }, async (store) => {
    const error = await assertRejects(() => store.write(0, 0, new Uint8Array(1)), DiskError);
    assertEquals(error.kind, "too-long");
  });
});

Deno.test("a file that vanished is missing, and is not made anew without its bytes", async () => {
  // As many files as make the first one's descriptor close.
  const files = Array.from({ length: 100 }, (_, i) => ({ path: [`f${i}`], length: 10 }));
  await withStore({ files }, async (store, root) => {
    for (const file of files.keys()) await store.write(file, 0, Uint8Array.of(1));
    await Deno.remove(`${root}/f0`);
    const error = await assertRejects(() => store.write(0, 5, Uint8Array.of(1)), DiskError);
    assertEquals(error.kind, "missing");
  });
});

Deno.test("a link that takes the place of a folder meanwhile is in the way", {
  ignore: isWindows,
}, async () => {
  // As many files as make the first one's descriptor close, and one more.
  const files = Array.from({ length: 101 }, (_, i) => ({ path: ["t", `f${i}`], length: 10 }));
  await withStore({ files }, async (store, root) => {
    for (let i = 0; i < 100; i++) await store.write(i, 0, Uint8Array.of(1));
    await Deno.rename(`${root}/t`, `${root}/was`);
    await Deno.mkdir(`${root}/elsewhere`);
    await Deno.writeTextFile(`${root}/elsewhere/f0`, "precious");
    await Deno.symlink(`${root}/elsewhere`, `${root}/t`);
    using _ = aSecondLater();
    for (const file of [0, 100]) {
      const error = await assertRejects(() => store.write(file, 0, Uint8Array.of(1)), DiskError);
      assertEquals(error.kind, "in-the-way");
    }
    await assertRejects(() => store.read(0, 0, new Uint8Array(1)), DiskError);
    assertEquals([...Deno.readDirSync(`${root}/elsewhere`)].map(({ name }) => name), ["f0"]);
    assertEquals(await Deno.readTextFile(`${root}/elsewhere/f0`), "precious");
  });
});

Deno.test("a folder that was removed is made anew for files that were not there yet", async () => {
  const files = [0, 1].map((i) => ({ path: ["t", "sub", `f${i}`], length: 10 }));
  await withStore({ files }, async (store, root) => {
    await store.write(0, 0, Uint8Array.of(1));
    if (!isWindows) await Deno.remove(root, { recursive: true });
    using _ = aSecondLater();
    await store.write(1, 0, Uint8Array.of(2));
    assertEquals((await Deno.readFile(`${root}/t/sub/f1`))[0], 2);
  });
});

Deno.test({
  name: "a store says permission when writing is not allowed",
  permissions: { read: true, write: false },
  fn: async () => {
    const { openWorld } = await import("../../src/platform/mod.ts");
    await using world = openWorld({ workers: 0 });
    await using store = await world.files.openStore({
      root: "nowhere",
      files: FILES,
      pieceBytes: 1,
      bufferBytes: 0,
      allocation: "sparse",
    });
    const error = await assertRejects(() => store.write(0, 0, new Uint8Array(1)), DiskError);
    assertEquals(error.kind, "permission");
  },
});

Deno.test("adopt() gives a draft the name of a file, in folders that it makes", async () => {
  for (const workers of [0, 1]) {
    const spec = { files: FILES, workers, allocation: "none" } as const;
    await withStore(spec, async (store, root) => {
      await Deno.mkdir(root);
      await Deno.writeTextFile(`${root}/.draft`, "draft");
      assertEquals(await store.adopt!(0, ".draft"), true);
      assertEquals([...Deno.readDirSync(root)].map(({ name }) => name), ["t"]);
      assertEquals(await Deno.readTextFile(`${root}/t/sub/a`), "draft");
      assertEquals((await store.stat(0))?.size, 5);
      await store.write(0, 5, Uint8Array.of(33));
      assertEquals(await Deno.readTextFile(`${root}/t/sub/a`), "draft!");
      assertEquals(await store.adopt!(0, ".draft"), false);
    });
  }
});

Deno.test("adopt() takes no name that is taken", { ignore: isWindows }, async () => {
  await withStore({ files: FILES }, async (store, root) => {
    await Deno.mkdir(`${root}/t/sub`, { recursive: true });
    await Deno.writeTextFile(`${root}/.draft`, "draft");
    const path = `${root}/t/sub/a`;
    const makers = [
      () => Deno.writeTextFile(path, "precious"),
      () => Deno.symlink(`${root}/nowhere`, path),
      () => Deno.mkdir(path),
    ];
    for (const make of makers) {
      await make();
      const before = await Deno.lstat(path);
      assertEquals(await store.adopt!(0, ".draft"), false);
      assertEquals((await Deno.lstat(path)).ino, before.ino);
      await Deno.remove(path);
    }
    assertEquals(await Deno.readTextFile(`${root}/.draft`), "draft");
  });
});

Deno.test("adopt() goes through no link", { ignore: isWindows }, async () => {
  await withStore({ files: FILES }, async (store, root) => {
    await Deno.mkdir(`${root}/else`, { recursive: true });
    await Deno.symlink(`${root}/else`, `${root}/t`);
    await Deno.writeTextFile(`${root}/.draft`, "draft");
    const error = await assertRejects(() => store.adopt!(0, ".draft"), DiskError);
    assertEquals(error.kind, "in-the-way");
    assertEquals([...Deno.readDirSync(`${root}/else`)], []);
  });
});
