/**
 * The network interfaces of this host, where they may be asked for. Nobody is ever asked for the permission.
 *
 * @module
 */

/** The addresses of all interfaces, one entry each; `undefined` where the system must not be asked. */
export function listInterfaces(): Deno.NetworkInterfaceInfo[] | undefined {
  const descriptor = { name: "sys", kind: "networkInterfaces" } as const;
  const isPermitted = Deno.permissions.querySync(descriptor).state === "granted";
  return isPermitted ? Deno.networkInterfaces() : undefined;
}
