/**
 * Whether a folder can be written to, on the real disk.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { roomAt } from "../../src/platform/folder_room.ts";
import { withFolder } from "../support/folder.ts";

Deno.test("roomAt() tells whether a folder can be written to, and leaves nothing behind", async () => {
  await withFolder(async (folder) => {
    const room = await roomAt(folder);
    assertEquals([room.path, room.trouble], [folder, undefined]);
    assert(room.freeBytes! > 0, `${room.freeBytes}`);
    assertEquals([...Deno.readDirSync(folder)], []);
    // What is not there would be made.
    assertEquals((await roomAt(`${folder}/a/b`)).path, folder);
    await Deno.writeTextFile(`${folder}/file`, "");
    assertStringIncludes((await roomAt(`${folder}/file/b`)).trouble ?? "", "a file is in the way");
    assertStringIncludes((await roomAt(`${folder}/file`)).trouble ?? "", "a file is in the way");
  });
});

Deno.test({
  name: "roomAt() says what is missing when it may not write, or not ask for free space",
  permissions: { read: true },
  fn: async () => {
    const room = await roomAt(".");
    assertEquals(room.trouble, "starling was started without the permission (--allow-write)");
    assertEquals(room.freeBytes, undefined);
  },
});
