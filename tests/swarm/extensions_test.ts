/**
 * The table of extensions: handshakes out and in, messages to whom they are for.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import { PeerError } from "../../src/base/errors.ts";
import { type Extension, Extensions, sendExtended } from "../../src/swarm/extensions.ts";
import type { Peer } from "../../src/swarm/peer.ts";
import { Decoder } from "../../src/wire/decoder.ts";
import {
  decodeExtensionHandshake,
  encodeExtensionHandshake,
  EXTENSION_IDS,
  type ExtensionHandshake,
  type ExtensionName,
} from "../../src/wire/extension.ts";
import { feed, Recorder } from "../wire/recorder.ts";
import { newPeer } from "./support.ts";

/** An extension that keeps what it hears. */
function listener(name: ExtensionName, heard: string[]): Extension {
  return {
    name,
    offer: () => name === "ut_metadata" ? { metadataSize: 77 } : {},
    onMessage: (_peer, payload, now) => heard.push(`${name} ${payload.length} ${now}`),
    onHandshake: (peer) => heard.push(`${name} hello ${peer.extensions?.ids.get(name)}`),
    onGone: () => heard.push(`${name} gone`),
    tick: (peers, now) => heard.push(`${name} tick ${peers.length} ${now}`),
  };
}

/** The extension messages that wait for the peer, as `[id, payload]`. */
function sent(peer: Peer): [number, Uint8Array][] {
  const out: [number, Uint8Array][] = [];
  const recorder = new Recorder();
  recorder.onExtended = (id, payload) => void out.push([id, payload.slice()]);
  feed(new Decoder({ pieceCount: 4 }), recorder, peer.encoder.take());
  return out;
}

function hello(peer: Peer): ExtensionHandshake {
  const [first] = sent(peer);
  assertEquals(first?.[0], 0);
  return decodeExtensionHandshake(first![1]);
}

Deno.test("tell() says every extension with its id, and what each adds to the handshake", () => {
  const extensions = new Extensions(() => ({ v: "me", reqq: 9, port: 6881 }));
  extensions.add(listener("ut_metadata", []));
  extensions.add(listener("ut_pex", []));
  const peer = newPeer();
  extensions.tell(peer);
  const { ids, version, requestQueue, port, metadataSize, yourIp } = hello(peer);
  assertEquals(yourIp, Uint8Array.of(9, 0, 0, 1));
  assertEquals([...ids].toSorted(), [
    ["ut_metadata", EXTENSION_IDS.ut_metadata],
    ["ut_pex", EXTENSION_IDS.ut_pex],
  ]);
  assertEquals([version, requestQueue, port, metadataSize], ["me", 9, 6881, 77]);
});

Deno.test("tell() takes back what is spoken no longer, and says nothing to who cannot hear", () => {
  const extensions = new Extensions();
  extensions.add(listener("ut_pex", []));
  const peer = newPeer();
  extensions.tell(peer);
  assertEquals(hello(peer).ids.get("ut_pex"), EXTENSION_IDS.ut_pex);
  extensions.remove("ut_pex");
  extensions.tell(peer);
  assertEquals(hello(peer).ids.get("ut_pex"), 0);
  const old = newPeer({ supportsExtended: false });
  extensions.tell(old);
  assertEquals(old.encoder.length, 0);
});

Deno.test("onExtended() hands a message to the extension of its id and ignores other ids", () => {
  const heard: string[] = [];
  const extensions = new Extensions();
  extensions.add(listener("ut_pex", heard));
  const peer = newPeer();
  extensions.onExtended(peer, EXTENSION_IDS.ut_pex, new Uint8Array(5), 3);
  extensions.onExtended(peer, EXTENSION_IDS.ut_metadata, new Uint8Array(6), 4);
  extensions.onExtended(peer, 200, new Uint8Array(7), 5);
  assertEquals(heard, ["ut_pex 5 3"]);
});

Deno.test("onExtended() merges handshakes and refuses a flood of them", () => {
  const heard: string[] = [];
  const extensions = new Extensions();
  extensions.add(listener("ut_pex", heard));
  const peer = newPeer();
  const say = (m: Record<string, number>) =>
    extensions.onExtended(peer, 0, encodeExtensionHandshake({ m, v: "x", reqq: 7 }), 0);
  say({ ut_pex: 33 });
  say({ lt_donthave: 4 });
  assertEquals(heard, ["ut_pex hello 33", "ut_pex hello 33"]);
  assertEquals([...peer.extensions!.ids], [["ut_pex", 33], ["lt_donthave", 4]]);
  assertThrows(
    () => {
      for (let i = 0; i < 200; i++) say({});
    },
    PeerError,
    "flood",
  );
});

Deno.test("tick() and onGone() reach every extension", () => {
  const heard: string[] = [];
  const extensions = new Extensions();
  extensions.add(listener("ut_pex", heard));
  extensions.add(listener("ut_metadata", heard));
  const peer = newPeer();
  extensions.tick([peer], 9);
  extensions.onGone(peer);
  assertEquals(heard, [
    "ut_pex tick 1 9",
    "ut_metadata tick 1 9",
    "ut_pex gone",
    "ut_metadata gone",
  ]);
});

Deno.test("sendExtended() uses the peer's own id and says whether it has one", () => {
  const peer = newPeer();
  assertEquals(sendExtended(peer, "ut_pex", Uint8Array.of(1)), false);
  new Extensions().onExtended(
    peer,
    0,
    encodeExtensionHandshake({ m: { ut_pex: 99 }, v: "x", reqq: 7 }),
    0,
  );
  assertEquals(sendExtended(peer, "ut_pex", Uint8Array.of(1)), true);
  assertEquals(sent(peer), [[99, Uint8Array.of(1)]]);
});
