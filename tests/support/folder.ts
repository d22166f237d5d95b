/**
 * Folders of the real disk for tests.
 *
 * @module
 */

/** Runs `body` with an empty folder, by its real path, which is gone afterwards. */
export async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "starling-" });
  try {
    await body(await Deno.realPath(folder));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
