/**
 * starling, the program: puts the command line and the platform together.
 *
 * In a one-file bundle this module is also what a disk Worker loads, and there `import.meta.main` is true as
 * well; a Worker serves the disk and runs no command.
 *
 * @module
 */

import { runCli } from "./src/cli/run.ts";
import { openShell } from "./src/platform/shell.ts";

const isWorker = "WorkerGlobalScope" in globalThis;

if (isWorker) {
  await import("./src/platform/disk_worker.ts");
} else if (import.meta.main) {
  const exitCode = await runCli(openShell(), {
    openWorld: async (options) => (await import("./src/platform/mod.ts")).openWorld(options),
    openSession: async (world, options) =>
      await (await import("./src/session/session.ts")).Session.open(world, options),
    startTracker: async (world, options) => {
      const { TrackerServer } = await import("./src/service/tracker_server.ts");
      const { serveHttp } = await import("./src/platform/http_server.ts");
      const tracker = await TrackerServer.start({ ...world, serveHttp }, options);
      return {
        port: tracker.address.port,
        ended: tracker.ended,
        [Symbol.asyncDispose]: () => tracker[Symbol.asyncDispose](),
      };
    },
  });
  Deno.exit(exitCode);
}
