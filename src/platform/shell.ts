/**
 * The process we run in: arguments, environment, streams, signals.
 *
 * Nothing here ever makes Deno ask a person for a permission: the environment is looked at only where
 * that is granted already, and everything else needs none. What few commands need is loaded when they do:
 * `node:process` alone, which `@std/path` wakes, is a quarter of the time `--version` takes.
 *
 * @module
 */

import { canonicalIp } from "../base/address.ts";
import type { EndSignal, HostInterface, LineFile, Scratch, Shell } from "../ports/shell.ts";
import { systemClock } from "./clock.ts";
import { checkProgram, runProgram } from "./command.ts";
import { toDiskError } from "./disk_errors.ts";
import { systemFolders } from "./folders.ts";
import { hostSystem } from "./host.ts";
import { listInterfaces } from "./interfaces.ts";
import { StreamOutput } from "./output.ts";
import { readSource } from "./source_file.ts";
import { canHearSuspend, onSuspend } from "./suspend.ts";

/** The surroundings of this process. */
export function openShell(): Shell {
  const stderr = new StreamOutput(Deno.stderr, "standard error");
  const stdout = new StreamOutput(Deno.stdout, "standard output");
  return {
    args: Deno.args,
    system: hostSystem,
    clock: systemClock,
    folders: systemFolders,
    stdout,
    stderr,
    env: environment(),
    size: () => terminalSize(stderr.isTerminal || stdout.isTerminal),
    readSource,
    kindOf,
    roomAt: async (path) => (await import("./folder_room.ts")).roomAt(path),
    run: runProgram,
    checkProgram,
    hostAddresses,
    interfaces,
    makeScratch,
    openLines,
    onSignal,
    canHearSuspend: canHearSuspend(),
    onSuspend,
    onCrash,
    exit: (code) => Deno.exit(code),
  };
}

function environment(): (name: string) => string | undefined {
  const isGranted = (descriptor: Deno.EnvPermissionDescriptor) =>
    Deno.permissions.querySync(descriptor).state === "granted";
  const isAllGranted = isGranted({ name: "env" });
  return (name) =>
    isAllGranted || isGranted({ name: "env", variable: name })
      ? Deno.env.get(name)
      // Deno itself has read this one, and tells without a permission.
      : name === "NO_COLOR" && Deno.noColor
      ? "1"
      : undefined;
}

function terminalSize(isTerminal: boolean): { columns: number; rows: number } | undefined {
  if (!isTerminal) return undefined;
  try {
    const { columns, rows } = Deno.consoleSize();
    return columns > 0 && rows > 0 ? { columns, rows } : undefined;
  } catch {
    return undefined;
  }
}

async function openLines(path: string): Promise<LineFile> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path, { append: true, create: true });
  } catch (error) {
    throw toDiskError(error, path, "open");
  }
  const output = new StreamOutput(file, path);
  return {
    write: (line) => output.write(`${line}\n`),
    async [Symbol.asyncDispose]() {
      // A log that cannot be written costs the log, not the download.
      await output.flush().catch(() => {});
      file.close();
    },
  };
}

/** What asks to end, and as which of the two it counts. */
const END_SIGNALS: readonly (readonly [Deno.Signal, EndSignal])[] = [
  ["SIGINT", "SIGINT"],
  ["SIGTERM", "SIGTERM"],
];
/**
 * Of a terminal there is more: that it was closed, and Ctrl-\, which would leave its cursor hidden. Elsewhere
 * they are left alone, since `nohup` has a program ignore the first, and a listener would undo that.
 */
const TERMINAL_SIGNALS: typeof END_SIGNALS = [["SIGHUP", "SIGTERM"], ["SIGQUIT", "SIGTERM"]];

function onSignal(handler: (signal: EndSignal) => void): Disposable {
  const listeners: [Deno.Signal, () => void][] = [];
  const listen = (signal: Deno.Signal, listener: () => void) => {
    try {
      Deno.addSignalListener(signal, listener);
      listeners.push([signal, listener]);
    } catch {
      // Windows has neither SIGTERM nor SIGQUIT.
    }
  };
  const more = Deno.stderr.isTerminal() ? TERMINAL_SIGNALS : [];
  for (const [signal, meaning] of [...END_SIGNALS, ...more]) listen(signal, () => handler(meaning));
  // A write that `ulimit -f` forbids then fails, as on a full disk, and does not end the process.
  listen("SIGXFSZ", () => {});
  return {
    [Symbol.dispose]() {
      for (const [signal, listener] of listeners.splice(0)) {
        Deno.removeSignalListener(signal, listener);
      }
    },
  };
}

function onCrash(handler: (error: unknown) => void): Disposable {
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    handler(event.error);
  };
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    handler(event.reason);
  };
  globalThis.addEventListener("error", onError);
  globalThis.addEventListener("unhandledrejection", onRejection);
  return {
    [Symbol.dispose]() {
      globalThis.removeEventListener("error", onError);
      globalThis.removeEventListener("unhandledrejection", onRejection);
    },
  };
}

async function kindOf(path: string): Promise<"file" | "folder" | "other" | undefined> {
  try {
    const { isFile, isDirectory } = await Deno.stat(path);
    return isFile ? "file" : isDirectory ? "folder" : "other";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw toDiskError(error, path, "stat");
  }
}

function hostAddresses(): string[] {
  const isUseful = ({ address }: Deno.NetworkInterfaceInfo) =>
    !address.startsWith("127.") && address !== "::1" && !address.startsWith("fe80:");
  return (listInterfaces() ?? []).filter(isUseful)
    .sort((a, b) => a.family < b.family ? -1 : a.family > b.family ? 1 : 0)
    .map(({ address }) => address);
}

function interfaces(): HostInterface[] | undefined {
  const all = listInterfaces();
  if (all === undefined) return undefined;
  return [...Map.groupBy(all, ({ name }) => name)].map(([name, entries]) => ({
    name,
    addresses: entries.map(({ address }) => canonicalIp(address) ?? address),
  }));
}

async function makeScratch(): Promise<Scratch> {
  const path = await Deno.makeTempDir({ prefix: "starling-" });
  return {
    path,
    async put(name, data) {
      const { dirname } = await import("@std/path/dirname");
      const { join } = await import("@std/path/join");
      const file = join(path, name);
      try {
        await Deno.mkdir(dirname(file), { recursive: true });
        await Deno.writeFile(file, data);
      } catch (error) {
        throw toDiskError(error, file, "write");
      }
      return file;
    },
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
