/**
 * `--lsd-interface`: what names an interface of this host and what does not.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import { lsdInterfacesOf } from "../../src/cli/lsd_interfaces.ts";
import { parseCommandLine } from "../../src/cli/parse.ts";
import { UsageError } from "../../src/cli/usage_error.ts";
import type { HostInterface } from "../../src/ports/shell.ts";

const HERE: HostInterface[] = [
  { name: "lo", addresses: ["127.0.0.1", "::1"] },
  { name: "Ethernet 2", addresses: ["10.0.0.7", "fd00::7"] },
];

function interfacesOf(
  words: readonly string[],
  { here = HERE, env = {} }: {
    here?: HostInterface[] | undefined | null;
    env?: Readonly<Record<string, string>>;
  } = {},
): readonly string[] | undefined {
  const { options } = parseCommandLine(["get", "x", ...words], (name) => env[name]);
  return lsdInterfacesOf(options, { interfaces: () => here ?? undefined });
}

Deno.test("lsdInterfacesOf() takes names and addresses of this host, several, in all spellings", () => {
  assertEquals(interfacesOf([]), undefined);
  const words = ["--lsd-interface", "lo", "--bt-lpd-interface=10.0.0.7"];
  assertEquals(interfacesOf(words), ["lo", "10.0.0.7"]);
  assertEquals(interfacesOf(["--lsd-interface", "FD00:0::7"]), ["FD00:0::7"]);
  const env = { STARLING_LSD_INTERFACE: "Ethernet 2\n::1\n" };
  assertEquals(interfacesOf([], { env }), ["Ethernet 2", "::1"]);
});

Deno.test("lsdInterfacesOf() refuses what is not there and lists what is", () => {
  for (const text of ["eth9", "10.0.0.8", "::2", "LO", "10.0.0.7/24"]) {
    assertThrows(
      () => interfacesOf(["--lsd-interface", "lo", "--lsd-interface", text]),
      UsageError,
      `Cannot use --lsd-interface "${text}": this host has lo (127.0.0.1, ::1), Ethernet 2 (10.0.0.7, fd00::7)`,
    );
  }
  const many = Array.from(
    { length: 300 },
    (_, i) => ({ name: `v${i}`, addresses: [`10.1.1.${i}`] }),
  );
  const error = assertThrows(() => interfacesOf(["--lsd-interface", "x"], { here: many }));
  assertEquals((error as Error).message.endsWith("v11 (10.1.1.11), 288 more"), true);
});

Deno.test("lsdInterfacesOf() takes IPv4 addresses alone where it may not ask", () => {
  assertEquals(interfacesOf(["--lsd-interface", "10.9.9.9"], { here: null }), ["10.9.9.9"]);
  for (const text of ["eth0", "::1"]) {
    const error = assertThrows(
      () => interfacesOf(["--lsd-interface", text], { here: null }),
      UsageError,
      `Cannot use --lsd-interface "${text}": the interfaces of this host may not be asked for`,
    );
    assertEquals(
      error.hint,
      "give an IPv4 address of this host, or allow it with --allow-sys=networkInterfaces",
    );
  }
});
