/**
 * Room for files: what is free, what files take up already.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { shortOf } from "../../src/platform/folder_room.ts";
import { withFolder } from "../support/folder.ts";

const HUGE = 2 ** 50;

Deno.test("shortOf() tells what is missing, in a folder that is not there yet as well", async () => {
  await withFolder(async (folder) => {
    const root = `${folder}/not/there`;
    const files = [{ path: ["a"], length: HUGE }];
    const short = await shortOf({ root, files, bytes: HUGE });
    assert(short > 0 && short < HUGE, `${short}`);
    assertEquals(await shortOf({ root, files, bytes: 1000 }), 0);
  });
});

Deno.test("shortOf() counts what files take up already as theirs", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/t`);
    await Deno.writeFile(`${folder}/t/a`, new Uint8Array(100_000).fill(1));
    const there = [{ path: ["t", "a"], length: 100_000 }];
    assertEquals(await shortOf({ root: folder, files: there, bytes: HUGE }), 0);
  });
});
