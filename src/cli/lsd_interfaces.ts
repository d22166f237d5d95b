/**
 * `--lsd-interface`: whether what it names is on this host, before anything is opened.
 *
 * Names can be checked only where the interfaces may be asked for. Where not, an IPv4 address is taken as it
 * is, since sockets can be bound to it; IPv6 multicast is sent by interface, and that is what is not known.
 *
 * @module
 */

import { canonicalIp } from "../base/address.ts";
import type { HostInterface, Shell } from "../ports/shell.ts";
import type { OptionValues } from "./option_values.ts";
import { UsageError } from "./usage_error.ts";

/** Interfaces that an error lists; hosts of containers have hundreds. */
const MOST_LISTED = 12;

/**
 * The interfaces that were asked for; `undefined` for all.
 *
 * @throws {UsageError} where one is not there, or cannot be known to be.
 */
export function lsdInterfacesOf(
  options: OptionValues,
  shell: Pick<Shell, "interfaces">,
): readonly string[] | undefined {
  if (!options.has("lsd-interface")) return undefined;
  const wanted = options.texts("lsd-interface");
  const here = shell.interfaces();
  for (const text of wanted) check(text, here);
  return wanted;
}

function check(text: string, here: readonly HostInterface[] | undefined): void {
  const ip = canonicalIp(text);
  const what = `Cannot use --lsd-interface ${JSON.stringify(text)}`;
  if (here === undefined) {
    if (ip !== undefined && !ip.includes(":")) return;
    throw new UsageError(`${what}: the interfaces of this host may not be asked for`, {
      hint: "give an IPv4 address of this host, or allow it with --allow-sys=networkInterfaces",
    });
  }
  if (here.some(({ name, addresses }) => name === text || addresses.some((a) => a === ip))) return;
  const listed = here.slice(0, MOST_LISTED)
    .map(({ name, addresses }) => `${name} (${addresses.join(", ")})`);
  if (listed.length < here.length) listed.push(`${here.length - listed.length} more`);
  throw new UsageError(`${what}: this host has ${listed.join(", ") || "no interfaces"}`);
}
