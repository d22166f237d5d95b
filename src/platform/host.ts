/**
 * What kind of machine this is, as far as names of files go.
 *
 * @module
 */

const { os } = Deno.build;

/** The system whose rules for names hold; every other one is taken for Linux. */
export const hostSystem: "linux" | "darwin" | "windows" = os === "windows" || os === "darwin"
  ? os
  : "linux";
