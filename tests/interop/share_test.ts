/**
 * `starling share` on one host, `starling get` on another, nothing else on either.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { assertSame, KIB, MIB } from "./support/dataset.ts";
import { Hosts } from "./support/hosts.ts";
import { interopTest } from "./support/lab.ts";
import { Child } from "./support/process.ts";
import { STARLING } from "./support/starling.ts";

interopTest(
  "share on one host and get on another move a folder, byte for byte",
  ["netns"],
  async (lab) => {
    const [left, right] = lab.use(await Hosts.make(2)).all;
    const dataset = await lab.dataset({
      name: "results",
      files: [
        { path: "a.bin", bytes: 3 * MIB + 17 },
        { path: "über/empty", bytes: 0 },
        { path: "über/日本.txt", bytes: 40 * KIB },
      ],
    });
    const path = `${dataset.root}/results`;
    // What is somewhere else and linked is shared like the rest.
    await Deno.mkdir(lab.path("elsewhere"));
    await Deno.rename(`${path}/a.bin`, lab.path("elsewhere/a"));
    await Deno.symlink(lab.path("elsewhere/a"), `${path}/a.bin`);
    await Deno.rename(`${path}/über`, lab.path("elsewhere/folder"));
    await Deno.symlink("../../elsewhere/folder", `${path}/über`);
    const sharing = lab.use(
      Child.start([...left!.prefix, ...STARLING, "share", path, "-p", "0", "--no-dht"]),
    );
    const [url] = await sharing.line(/http:\/\/\S+\.torrent/);
    assertEquals(new URL(url).hostname, left!.ip);

    const get = [
      ...right!.prefix,
      ...STARLING,
      "get",
      url,
      "-o",
      lab.output,
      "-p",
      "0",
      "--no-dht",
    ];
    const getting = lab.use(Child.start([...get, "--timeout", "60"]));
    assertEquals((await getting.status).code, 0, getting.tail());
    await assertSame(dataset, lab.output);

    sharing.kill("SIGINT");
    assertEquals((await sharing.status).code, 130, sharing.tail());
  },
);
