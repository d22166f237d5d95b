/**
 * A whole session on a simulated host: what most tests of behaviour over time start with.
 *
 * ```ts
 * const { world, download } = await scene({ seed: 7, peers: [{}, { stallAfter: 3 }] });
 * assertEquals(await download.outcome(60_000), { kind: "complete" });
 * ```
 *
 * @module
 */

import { assert } from "@std/assert";
import { equalBytes } from "../../src/base/bytes.ts";
import { formatMagnet, type MagnetSource, parseMagnet } from "../../src/metainfo/magnet.ts";
import type { Outcome, SessionEvent } from "../../src/session/events.ts";
import type { AddMagnet, AddTorrent, SessionOptions } from "../../src/session/options.ts";
import { Session } from "../../src/session/session.ts";
import type { TorrentStats } from "../../src/session/stats.ts";
import type { Torrent } from "../../src/session/torrent.ts";
import { type Behaviour, FakePeer } from "./fake_peer.ts";
import type { HostOptions } from "./net_host.ts";
import { makeTorrent, type TestTorrent } from "./torrents.ts";
import { type SimHost, SimWorld } from "./world.ts";

/** The folder simulated downloads go to. */
export const OUTPUT = "/downloads";

/** How one download is started. */
export interface DownloadOptions extends Partial<Omit<AddMagnet, "magnet">> {
  /** Start from a magnet link: this one, or the torrent's own with these parts different. */
  readonly magnet?: string | Partial<MagnetSource>;
  /** Options of its session. */
  readonly session?: SessionOptions;
}

/** A torrent in a session of its own. */
export class Download {
  readonly host: SimHost;
  readonly session: Session;
  readonly torrent: Torrent;
  readonly content: TestTorrent;
  /** Every event of the session. */
  readonly events: SessionEvent[] = [];
  /** Most sockets open at a time, the moments in which code ran not counted. */
  maxSockets = 0;
  #outcome: Outcome | undefined;

  private constructor(
    host: SimHost,
    session: Session,
    content: TestTorrent,
    options: AddTorrent | AddMagnet,
  ) {
    this.host = host;
    this.session = session;
    this.content = content;
    this.#listen();
    this.torrent = "magnet" in options ? session.addMagnet(options) : session.add(options);
    this.torrent.finished.then((outcome) => {
      this.#outcome = outcome;
      this.host.world.log(host.ip, `ends ${JSON.stringify({ ...outcome, error: undefined })}`);
    });
  }

  /** Opens a session in the process that runs on `host` and adds the torrent. */
  static async start(
    host: SimHost,
    content: TestTorrent,
    options: DownloadOptions = {},
  ): Promise<Download> {
    const { session: sessionOptions, magnet, ...torrentOptions } = options;
    const session = await host.world.wait(Session.open(host.process, sessionOptions));
    const { metainfo } = content;
    if (magnet !== undefined) {
      const link = typeof magnet === "string" ? magnet : formatMagnet({ ...metainfo, ...magnet });
      return new Download(host, session, content, {
        output: OUTPUT,
        magnet: parseMagnet(link),
        ...torrentOptions,
      });
    }
    return new Download(host, session, content, { output: OUTPUT, metainfo, ...torrentOptions });
  }

  /** How it stands. */
  get stats(): TorrentStats {
    return this.torrent.stats();
  }

  /** How it ended, if it has. */
  get ended(): Outcome | undefined {
    return this.#outcome;
  }

  /** Lets time pass until it has ended. */
  async outcome(within: number): Promise<Outcome> {
    await this.host.world.runUntil(() => {
      this.maxSockets = Math.max(this.maxSockets, this.host.sockets);
      return this.#outcome !== undefined;
    }, { within });
    return this.#outcome!;
  }

  /** Whether every file, or the ones named, is on the disk byte for byte. */
  assertFiles(selection?: readonly number[]): void {
    for (const [index, file] of this.content.metainfo.files.entries()) {
      const path = [OUTPUT, ...file.path].join("/");
      const found = this.host.disk.contents(path);
      if (selection !== undefined && !selection.includes(index)) {
        assert(found === undefined, `${path} was not selected but is there`);
        continue;
      }
      const expected = this.content.content.subarray(file.offset, file.offset + file.length);
      assert(found !== undefined && equalBytes(found, expected), `${path} is not as it should be`);
    }
  }

  /** Ends the session. */
  async close(): Promise<void> {
    await this.host.world.wait(this.session[Symbol.asyncDispose](), { within: 60_000 });
  }

  async #listen(): Promise<void> {
    for await (const event of this.session.events()) {
      this.events.push(event);
      this.host.world.log(this.host.ip, `tells ${JSON.stringify(event)}`);
    }
  }
}

/** Puts the whole content where a download would have put it. */
export function putAll(host: SimHost, { metainfo, content }: TestTorrent): void {
  for (const { path, offset, length } of metainfo.files) {
    host.disk.put(`${OUTPUT}/${path.join("/")}`, content.subarray(offset, offset + length));
  }
}

/** A seed on a host that has the whole content; it gives when this returns. */
export async function seedOn(
  host: SimHost,
  content: TestTorrent,
  options: DownloadOptions = {},
): Promise<Download> {
  putAll(host, content);
  const seed = await Download.start(host, content, { isUploadOnly: true, ...options });
  await host.world.runUntil(() => seed.stats.state === "seeding", { within: 5_000 });
  return seed;
}

/** A peer of a scene: how it behaves and how it hangs on the network. */
export type PeerPart = Behaviour & { readonly link?: HostOptions };

/** What a scene consists of. */
export interface SceneParts extends Omit<DownloadOptions, "peers" | "seed"> {
  /** Seed of the world. */
  readonly seed: number;
  /** What is downloaded (256 KiB in pieces of 32 KiB). */
  readonly content?: TestTorrent;
  /** The peers, given to the torrent by their addresses. */
  readonly peers: readonly PeerPart[];
  /** More peers, as a user would type them. */
  readonly morePeers?: readonly string[];
  /** How the downloading host hangs on the network. */
  readonly link?: HostOptions;
}

/** A world with peers at 10.0.1.x and a download on 10.0.0.1 that was told of them all. */
export async function scene(
  parts: SceneParts,
): Promise<{ world: SimWorld; peers: FakePeer[]; download: Download }> {
  const { seed, content = makeTorrent(), peers: peerParts, link, morePeers = [], ...options } =
    parts;
  const world = new SimWorld({ seed });
  const peers: FakePeer[] = [];
  for (const [i, part] of peerParts.entries()) {
    const ip = `10.0.${1 + (i >> 8)}.${i & 255}`;
    peers.push(await FakePeer.start(world.host(ip, part.link), content, part));
  }
  const host = world.host("10.0.0.1", link);
  const texts = [...peers.map((peer) => peer.text), ...morePeers];
  const download = await Download.start(host, content, { ...options, peers: texts });
  return { world, peers, download };
}
