/**
 * The HTTP server on loopback.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { NetworkError } from "../../src/base/errors.ts";
import { serveHttp } from "../../src/platform/http_server.ts";
import type { HttpAnswer, HttpRequest } from "../../src/ports/http_server.ts";

const OK: HttpAnswer = { status: 200, headers: {}, body: "" };

async function start(handler: (request: HttpRequest) => HttpAnswer) {
  const server = await serveHttp({ port: 0, host: "127.0.0.1", handler });
  return { server, url: `http://127.0.0.1:${server.address.port}` };
}

Deno.test("serveHttp() hands over a request as it arrived", async () => {
  const seen: unknown[] = [];
  const { server, url } = await start((request) => {
    const { method, path, query, from } = request;
    const headers = ["x-a", "X-A", "x-b"].map((name) => request.header(name));
    seen.push([method, path, query, from.host, ...headers]);
    return { status: 404, headers: { "x-c": "d" }, body: Uint8Array.of(1, 2) };
  });
  await using _ = server;
  const response = await fetch(`${url}/%ff%2f?a=%00&a=%e9+?/b`, { headers: { "x-a": "1" } });
  assertEquals([response.status, response.headers.get("x-c")], [404, "d"]);
  assertEquals(await response.bytes(), Uint8Array.of(1, 2));
  await (await fetch(url, { method: "POST", body: "x" })).body?.cancel();
  assertEquals(seen, [
    ["GET", "/%ff%2f", "a=%00&a=%e9+?/b", "127.0.0.1", "1", "1", undefined],
    ["POST", "/", "", "127.0.0.1", undefined, undefined, undefined],
  ]);
});

Deno.test("serveHttp() answers with status 500 when the handler throws", async () => {
  const { server, url } = await start(() => {
    throw new Error("a secret");
  });
  await using _ = server;
  const response = await fetch(url);
  assertEquals([response.status, await response.text()], [500, ""]);
});

Deno.test("serveHttp() says in-use when the port is taken", async () => {
  const { server } = await start(() => OK);
  await using _ = server;
  const { port } = server.address;
  const again = () => serveHttp({ port, host: "127.0.0.1", handler: () => OK });
  const error = await assertRejects(again, NetworkError);
  assertEquals(error.kind, "in-use");
});

Deno.test("serveHttp() closes at once, twice, when a client keeps its connection open", async () => {
  const { server } = await start(() => OK);
  const hostname = "127.0.0.1";
  using conn = await Deno.connect({ hostname, port: server.address.port });
  await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  await conn.read(new Uint8Array(1000));
  await server[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  assertEquals(await conn.read(new Uint8Array(10)).catch(() => null), null);
});
