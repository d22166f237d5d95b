/**
 * Starting transmission-daemon with every way to find peers off but those that are asked for.
 *
 * @module
 */

import { join } from "@std/path";
import { Child } from "./process.ts";

const QUIET = {
  "blocklist-enabled": false,
  "dht-enabled": false,
  "lpd-enabled": false,
  "message-level": 3,
  "pex-enabled": false,
  "port-forwarding-enabled": false,
  "rpc-authentication-required": false,
  "rpc-bind-address": "127.0.0.1",
  "rpc-whitelist-enabled": false,
  "utp-enabled": false,
  "watch-dir-enabled": false,
};

/** Starts it with settings of its own beside those; `home` is a folder for them. */
export async function startTransmissionDaemon(
  home: string,
  settings: Readonly<Record<string, unknown>>,
  prefix: readonly string[] = [],
): Promise<Child> {
  await Deno.mkdir(home, { recursive: true });
  const all = JSON.stringify({ ...QUIET, ...settings });
  await Deno.writeTextFile(join(home, "settings.json"), all);
  const argv = [...prefix, "transmission-daemon", "--foreground", "--config-dir", home];
  return Child.start(argv, { endWith: "SIGKILL" });
}
