/**
 * The side file is one process's alone, never a link's target, and never a deleted one.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../src/base/errors.ts";
import { openSideFile, raceLock } from "../../src/platform/side_file.ts";
import { withFolder } from "../support/folder.ts";

async function errorOf(folder: string): Promise<DiskError> {
  return await assertRejects(() => openSideFile(folder, ".side"), DiskError);
}

Deno.test("openSideFile() makes folder and file, and keeps what is written", async () => {
  await withFolder(async (folder) => {
    const deep = `${folder}/a/b`;
    {
      await using file = await openSideFile(deep, ".side");
      assertEquals(await file.size(), 0);
      await Promise.all([
        file.write(5, Uint8Array.of(5, 6, 7)),
        file.write(0, Uint8Array.of(1)),
        file.sync(),
      ]);
      assertEquals(await file.size(), 8);
    }
    await using file = await openSideFile(deep, ".side");
    const into = new Uint8Array(10).fill(9);
    assertEquals(await file.read(4, into), 4);
    assertEquals([...into], [0, 5, 6, 7, 9, 9, 9, 9, 9, 9]);
    assertEquals(await file.read(100, into), 0);
  });
});

Deno.test("openSideFile() says locked when the same process has it", async () => {
  await withFolder(async (folder) => {
    {
      await using _file = await openSideFile(folder, ".side");
      const error = await errorOf(folder);
      assertEquals(error.kind, "locked");
      assertEquals(
        error.message,
        `Cannot use ${folder}: this torrent is already being downloaded there by another process`,
      );
      await using _other = await openSideFile(folder, ".other");
    }
    await using _again = await openSideFile(folder, ".side");
  });
});

Deno.test("openSideFile() says locked when another process has it, until that is killed", async () => {
  await withFolder(async (folder) => {
    const module = new URL("../../src/platform/side_file.ts", import.meta.url).href;
    const code = `import { openSideFile } from ${JSON.stringify(module)};
      const file = await openSideFile(${JSON.stringify(folder)}, ".side");
      console.log("locked");
      await new Promise((resolve) => setTimeout(resolve, 60_000));
      await file.size();`;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--ext=ts", code],
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = child.stdout.getReader();
    assert(new TextDecoder().decode((await reader.read()).value).startsWith("locked"));
    assertEquals((await errorOf(folder)).kind, "locked");
    child.kill("SIGKILL");
    await child.status;
    await reader.cancel();
    await using _file = await openSideFile(folder, ".side");
  });
});

Deno.test("openSideFile() gives one holder at a time when many come and delete it", async () => {
  await withFolder(async (folder) => {
    let holders = 0;
    let opened = 0;
    const visitor = async () => {
      for (let i = 0; i < 20; i++) {
        try {
          await using file = await openSideFile(folder, ".side");
          holders++;
          opened++;
          assertEquals(holders, 1);
          await file.write(0, Uint8Array.of(1));
          assert((await Deno.lstat(`${folder}/.side`)).isFile);
          // Once it is deleted, another may make it anew.
          holders--;
          await file.remove();
        } catch (error) {
          assert(error instanceof DiskError && error.kind === "locked", String(error));
        }
      }
    };
    await Promise.all([visitor(), visitor(), visitor(), visitor()]);
    assert(opened > 0);
  });
});

Deno.test("remove() deletes the file and may be called twice", async () => {
  await withFolder(async (folder) => {
    await using file = await openSideFile(folder, ".side");
    await file.remove();
    await file.remove();
    assertEquals([...Deno.readDirSync(folder)], []);
  });
});

Deno.test("remove() takes away the folders that were made for the file and are empty", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/old`);
    for (const inner of ["old", "a/b/c"]) {
      await using file = await openSideFile(`${folder}/${inner}`, ".side");
      await file.remove();
    }
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["old"]);
    await using file = await openSideFile(`${folder}/a/b/c`, ".side");
    await using other = await openSideFile(`${folder}/a/b`, ".other");
    await file.remove();
    assertEquals([...Deno.readDirSync(`${folder}/a/b`)].map(({ name }) => name), [".other"]);
    await other.remove();
    assertEquals([...Deno.readDirSync(`${folder}/a`)].map(({ name }) => name), ["b"]);
  });
});

Deno.test("openSideFile() finds its folder though others make and remove it", async () => {
  await withFolder(async (folder) => {
    const visitor = async (name: string) => {
      for (let i = 0; i < 20; i++) {
        await using file = await openSideFile(`${folder}/x/y`, name);
        await file.remove();
      }
    };
    await Promise.all([visitor(".1"), visitor(".2"), visitor(".3")]);
  });
});

Deno.test("openSideFile() refuses a link, a folder or a FIFO in its place", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/.side`;
    await Deno.writeTextFile(`${folder}/target`, "precious");
    await Deno.symlink(`${folder}/target`, path);
    assertEquals((await errorOf(folder)).kind, "in-the-way");
    await Deno.remove(path);
    await Deno.symlink(`${folder}/nowhere`, path);
    assertEquals((await errorOf(folder)).kind, "in-the-way");
    await Deno.remove(path);
    await Deno.mkdir(path);
    assertEquals((await errorOf(folder)).kind, "in-the-way");
    await Deno.remove(path);
    if (Deno.build.os !== "windows") {
      await new Deno.Command("mkfifo", { args: [path] }).output();
      assertEquals((await errorOf(folder)).kind, "in-the-way");
    }
    assertEquals(await Deno.readTextFile(`${folder}/target`), "precious");
  });
});

Deno.test("openSideFile() refuses a folder that is a file", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    const error = await errorOf(`${folder}/file`);
    assertEquals([error.kind, error.operation], ["in-the-way", "create"]);
  });
});

Deno.test({
  name: "openSideFile() says permission when writing is not allowed",
  permissions: { read: true, write: false },
  fn: async () => {
    assertEquals((await errorOf(".")).kind, "permission");
  },
});

Deno.test("openSideFile() goes without a lock where the file system has none", async () => {
  const native = Deno.FsFile.prototype.tryLock;
  Deno.FsFile.prototype.tryLock = () =>
    Promise.reject(Object.assign(new Error("Operation not supported"), { code: "EOPNOTSUPP" }));
  try {
    await withFolder(async (folder) => {
      await using file = await openSideFile(folder, ".side");
      await file.write(0, Uint8Array.of(1));
    });
  } finally {
    Deno.FsFile.prototype.tryLock = native;
  }
});

Deno.test("raceLock() gives up when the lock does not come, and takes one that does", async () => {
  const waiting = Promise.withResolvers<void>();
  const held = { lock: () => waiting.promise } as unknown as Deno.FsFile;
  assertEquals(await raceLock(held, 1), false);
  waiting.resolve();
  const free = { lock: () => Promise.resolve() } as unknown as Deno.FsFile;
  assertEquals(await raceLock(free, 1000), true);
  const broken = { lock: () => Promise.reject(new Error("no locks here")) };
  await assertRejects(() => raceLock(broken as unknown as Deno.FsFile, 1000), Error, "no locks");
});
