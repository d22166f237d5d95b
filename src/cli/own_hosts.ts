/**
 * The hosts in URLs of this machine that others are to type.
 *
 * @module
 */

import type { Context } from "./context.ts";

/**
 * This machine as others see it, the most likely address first, as a URL has it; loopback where there is no other,
 * with a warning that it is no more.
 */
export function ownHosts({ shell, screen }: Pick<Context, "shell" | "screen">): string[] {
  const hosts = shell.hostAddresses().map((host) => host.includes(":") ? `[${host}]` : host);
  if (hosts.length > 0) return hosts;
  const why = shell.interfaces() === undefined
    ? " (--allow-sys=networkInterfaces lets it ask)"
    : "";
  screen.warn(`no address of this machine is known${why}: 127.0.0.1 is good on this machine alone`);
  return ["127.0.0.1"];
}
