/**
 * A release host on loopback, laid out as GitHub does, and shell scripts run against it.
 *
 * @module
 */

import { encodeHex } from "@std/encoding/hex";

/** Why shell scripts cannot be run here, if they cannot. */
export const NO_SHELL: string | undefined = Deno.build.os === "windows" ? "no bash" : undefined;

/** The asset of this machine. */
export const ASSET: string = `starling-${Deno.build.os === "darwin" ? "macos" : "linux"}-${
  Deno.build.arch === "aarch64" ? "arm64" : "x64"
}`;

/** A `starling` that is this checkout. */
export function wrapper(): Uint8Array<ArrayBuffer> {
  const main = new URL("../../../main.ts", import.meta.url).pathname;
  const text = `#!/bin/sh\nexec '${Deno.execPath()}' run -A --no-check '${main}' "$@"\n`;
  return new TextEncoder().encode(text);
}

/** A release host. */
export interface ReleaseHost extends AsyncDisposable {
  /** Where releases lie. */
  readonly url: string;
  /** Paths that were asked for. */
  readonly asked: string[];
}

/** Serves one asset of version 1.2.3, with its true checksum or another one. */
export async function serveRelease(
  asset: Uint8Array<ArrayBuffer>,
  options: { readonly sum?: string; readonly name?: string } = {},
): Promise<ReleaseHost> {
  const digest = encodeHex(new Uint8Array(await crypto.subtle.digest("SHA-256", asset)));
  const sums = `${"0".repeat(64)}  starling-other\n${options.sum ?? digest}  ${
    options.name ?? ASSET
  }\n`;
  const asked: string[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    asked.push(pathname);
    const [, folder, name] = /^\/releases\/(download\/v1\.2\.3|latest\/download)\/(.+)$/
      .exec(pathname) ?? [];
    if (folder !== undefined && name === "SHA256SUMS") return new Response(sums);
    if (folder !== undefined && name === ASSET) return new Response(asset);
    return new Response("not here", { status: 404 });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/releases`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** How a script ended. */
export interface ScriptRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program with nothing of our environment but the essentials. */
export async function runScript(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd?: string,
): Promise<ScriptRun> {
  const [program, ...args] = argv;
  const kept = Object.fromEntries(
    ["PATH", "HOME", "DENO_DIR"].flatMap((name) => {
      const value = Deno.env.get(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const { code, stdout, stderr } = await new Deno.Command(program!, {
    args,
    clearEnv: true,
    env: { ...kept, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}
