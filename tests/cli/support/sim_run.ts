/**
 * The command line on a host of the simulated world: what verbs that ask others need.
 *
 * @module
 */

import { runCli } from "../../../src/cli/run.ts";
import { SimWorld } from "../../sim/world.ts";
import { FakeSession } from "./fake_session.ts";
import { FakeShell, type FakeShellOptions, turn } from "./fake_shell.ts";

/** How it is run. */
export interface SimRunOptions extends FakeShellOptions {
  /** Puts others into the world. */
  readonly prepare?: (world: SimWorld) => unknown;
  /** Sends SIGINT after this long. */
  readonly interruptAfter?: number;
}

/** How it ended. */
export interface SimRun {
  readonly code: number;
  readonly shell: FakeShell;
  /** World time. */
  readonly seconds: number;
  /** Sockets that are still open, streams and datagrams. */
  readonly sockets: number;
}

/** Runs a command line on the host 10.0.0.1. */
export async function simRun(
  args: readonly string[],
  { prepare, interruptAfter, ...options }: SimRunOptions = {},
): Promise<SimRun> {
  const world = new SimWorld({ seed: 3 });
  await prepare?.(world);
  const shell = new FakeShell({ ...options, args });
  const host = world.host(["10.0.0.1", "fd00::1"]);
  const ending = runCli(shell, {
    ...new FakeSession().parts(shell),
    openWorld: () =>
      Promise.resolve({ ...host.process, [Symbol.asyncDispose]: () => Promise.resolve() }),
  });
  // The command's module is loaded in real time.
  for (let i = 0; i < 1000 && !/asking|looking|error:/.test(shell.stderr.text); i++) await turn();
  if (interruptAfter !== undefined) {
    await world.run(interruptAfter);
    shell.kill("SIGINT");
  }
  const code = await world.wait(ending);
  const sockets = host.net.udp.size + host.sockets;
  return { code, shell, seconds: world.clock.now() / 1000, sockets };
}
