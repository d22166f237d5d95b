/**
 * What people and scripts see of a tracker server in a browser: a small page, and the same in JSON.
 *
 * The page has no script, asks for nothing from anywhere, and names no torrent, since whoever knows an infohash
 * can join.
 *
 * @module
 */

import { VERSION } from "../base/version.ts";
import type { ServerState } from "../tracker/server_state.ts";
import type { Millis } from "../base/units.ts";

/** What the page is to show. */
export interface PageOptions {
  /** What it is about. */
  readonly state: ServerState;
  /** On the clock that the state was made with. */
  readonly now: Millis;
  /** How the visitor reached us, from the request's `Host`: hostile text. */
  readonly host: string | undefined;
  /** Torrent files that can be had here, by name. */
  readonly torrents: readonly string[];
}

/** A host with or without a port, as it stands in a URL. */
const HOST = /^(?:[\w.-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

const STYLE =
  "body{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:3em auto;padding:0 1em}" +
  "th{text-align:left;font-weight:normal;padding-right:2em}td{text-align:right}" +
  "code{background:#8882;padding:.1em .3em}:root{color-scheme:light dark}";

/** The page, as HTML. */
export function trackerPage({ state, now, host, torrents }: PageOptions): string {
  const stats = state.stats(now);
  const rows: readonly [string, number][] = [
    ["torrents", stats.torrents],
    ["peers", stats.peers],
    ["seeds among them", stats.seeds],
    ["over IPv6", stats.peersV6],
    ["announces over HTTP", stats.httpAnnounces],
    ["announces over UDP", stats.udpAnnounces],
  ];
  const body = [
    "<h1>A BitTorrent tracker</h1>",
    `<p>It has been up for ${spanWords(stats.uptimeSeconds)}.</p>`,
    `<table>${rows.map(([name, n]) => `<tr><th>${name}<td>${grouped(n)}`).join("")}</table>`,
    host !== undefined && HOST.test(host) ? announceUrls(host) : "",
    torrents.length > 0 ? `<h2>Torrents</h2><ul>${torrents.map(torrentItem).join("")}</ul>` : "",
    `<p><a href="/stats">The same as JSON</a> · starling ${VERSION}</p>`,
  ];
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>starling tracker</title>` +
    `<meta name="viewport" content="width=device-width"><style>${STYLE}</style>${
      body.join("")
    }</html>\n`;
}

/** The counters, as one JSON object on one line. */
export function trackerStats(state: ServerState, times: { now: Millis; epochMs: number }): string {
  const { now, epochMs } = times;
  return `${JSON.stringify({ v: 1, type: "tracker", at: epochMs, ...state.stats(now) })}\n`;
}

function announceUrls(host: string): string {
  const hasPort = /:\d+$/.test(host);
  const urls = [`http://${host}/announce`, ...(hasPort ? [`udp://${host}/announce`] : [])];
  return `<p>Announce to ${urls.map((url) => `<code>${escapeHtml(url)}</code>`).join(" or ")}.</p>`;
}

function torrentItem(name: string): string {
  return `<li><a href="/${encodeURIComponent(name)}">${escapeHtml(name)}</a>`;
}

/** Text that means nothing else in HTML, neither between tags nor within quotes. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"'\p{Cc}\p{Cf}]/gu, (char) => `&#${char.codePointAt(0)};`);
}

function spanWords(seconds: number): string {
  if (seconds < 120) return `${seconds} seconds`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} minutes`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} hours`;
  return `${Math.floor(seconds / 86_400)} days`;
}

function grouped(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ",");
}
