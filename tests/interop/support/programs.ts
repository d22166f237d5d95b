/**
 * Which of the programs that the interop tests drive are there.
 *
 * @module
 */

/** The system's Python, which is the one that Debian's libtorrent binding belongs to. */
export const PYTHON: string = Deno.env.get("STARLING_PYTHON") ?? "/usr/bin/python3";

/** What a test can need: a program on the path, the libtorrent binding, or a right. */
export type Need =
  | "aria2c"
  | "transmission-daemon"
  | "transmission-create"
  | "mktorrent"
  | "opentracker"
  | "rtorrent"
  | "qbittorrent-nox"
  | "git"
  | "script"
  | "tmux"
  | "zsh"
  | "fish"
  | "man"
  | "groff"
  | "mandoc"
  | "libtorrent"
  | "tmpfs"
  | "btrfs"
  | "xfs"
  | "filefrag"
  | "netns";

const known = new Map<Need, string | undefined>();

/** Why a test with these needs cannot run here; `undefined` when it can. */
export function skipReason(needs: readonly Need[]): string | undefined {
  if (!Deno.env.get("STARLING_INTEROP")) return "STARLING_INTEROP is not set";
  for (const need of needs) {
    if (!known.has(need)) known.set(need, missing(need));
    const reason = known.get(need);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function missing(need: Need): string | undefined {
  switch (need) {
    case "tmpfs":
      return mayMount() ? undefined : "may not mount a tmpfs";
    case "btrfs":
    case "xfs":
      return mayMountImage(need) ? undefined : `may not make and mount an image of ${need}`;
    case "netns":
      return mayMakeHosts() ? undefined : "may not make network namespaces";
    case "libtorrent":
      return runs([PYTHON, "-c", "import libtorrent"]) ? undefined : "no python3-libtorrent";
    default:
      return runs(["sh", "-c", `command -v ${need}`]) ? undefined : `${need} is not installed`;
  }
}

/** The least that either of them can be made of. */
export const IMAGE_BYTES: number = 400 * 1024 * 1024;

function mayMountImage(type: "btrfs" | "xfs"): boolean {
  const folder = Deno.makeTempDirSync();
  const image = `${folder}/image`;
  try {
    Deno.createSync(image).close();
    Deno.truncateSync(image, IMAGE_BYTES);
    if (!runs([`mkfs.${type}`, "-q", image])) return false;
    Deno.mkdirSync(`${folder}/mounted`);
    if (!runs(["mount", "-o", "loop", image, `${folder}/mounted`])) return false;
    return runs(["umount", `${folder}/mounted`]);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function mayMakeHosts(): boolean {
  const name = `starling-probe-${Deno.pid}`;
  return runs(["ip", "netns", "add", name]) && runs(["ip", "netns", "del", name]);
}

function mayMount(): boolean {
  const folder = Deno.makeTempDirSync();
  try {
    if (!runs(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder])) return false;
    return runs(["umount", folder]);
  } finally {
    Deno.removeSync(folder);
  }
}

function runs([program, ...args]: [string, ...string[]]): boolean {
  try {
    return new Deno.Command(program, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}
