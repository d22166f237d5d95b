/**
 * HTTP on loopback: answers are read whole under caps, redirects are followed here.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { NetworkError } from "../../src/base/errors.ts";
import { systemHttp } from "../../src/platform/http.ts";
import type { HttpOptions } from "../../src/ports/http.ts";

const LOAD = new URL("support/load_http.ts", import.meta.url).href;
const OPTIONS: HttpOptions = { maxBytes: 100_000, timeoutMs: 10_000, maxRedirects: 5 };

type Answer = (request: Request, url: URL) => Response | Promise<Response>;

async function withServer(answer: Answer, body: (base: string) => Promise<void>): Promise<void> {
  const aborter = new AbortController();
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    signal: aborter.signal,
    onListen: () => {},
    onError: () => new Response(null, { status: 500 }),
  }, (request) => answer(request, new URL(request.url)));
  try {
    await body(`http://127.0.0.1:${server.addr.port}`);
  } finally {
    aborter.abort();
    await server.finished;
  }
}

async function kindOf(url: string, options: Partial<HttpOptions> = {}): Promise<string> {
  const error = await assertRejects(
    () => systemHttp.get(url, { ...OPTIONS, ...options }),
    NetworkError,
  );
  return error.kind;
}

function endless(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(10_000)) });
}

Deno.test("get() gives status, headers and body, whatever the status", async () => {
  await withServer((request, url) => {
    assertEquals(request.headers.get("user-agent"), "me/1");
    return new Response(url.search, { status: 404, headers: { "X-Odd": "yes" } });
  }, async (base) => {
    const headers = { "user-agent": "me/1" };
    const response = await systemHttp.get(`${base}/a?%00%ff%20+`, { ...OPTIONS, headers });
    assertEquals(response.status, 404);
    assertEquals(response.url, `${base}/a?%00%ff%20+`);
    assertEquals(response.header("x-odd"), "yes");
    assertEquals(response.header("x-none"), undefined);
    assertEquals(new TextDecoder().decode(response.body), "?%00%ff%20+");
  });
});

Deno.test("get() sends the name and password of the URL", async () => {
  await withServer(
    (request) => new Response(request.headers.get("authorization")),
    async (base) => {
      const { body } = await systemHttp.get(base.replace("//", "//me:se%40cret@"), OPTIONS);
      assertEquals(new TextDecoder().decode(body), `Basic ${btoa("me:se@cret")}`);
    },
  );
});

Deno.test("get() inflates, and counts what comes out", async () => {
  await withServer((_, url) => {
    const plain = new Blob([new Uint8Array(Number(url.searchParams.get("n")))]).stream();
    const body = plain.pipeThrough(new CompressionStream("gzip"));
    return new Response(body, { headers: { "content-encoding": "gzip" } });
  }, async (base) => {
    const { body } = await systemHttp.get(`${base}/?n=100000`, OPTIONS);
    assertEquals(body.length, 100_000);
    assertEquals(await kindOf(`${base}/?n=100001`), "too-large");
    assertEquals(await kindOf(`${base}/?n=50000000`), "too-large");
  });
});

Deno.test("get() stops when the answer never ends", async () => {
  await withServer(
    () => new Response(endless()),
    async (base) => assertEquals(await kindOf(base), "too-large"),
  );
});

Deno.test("get() refuses at once what is said to be too long", async () => {
  // The head alone arrives: whoever reads on waits for nothing.
  const head = "HTTP/1.1 200 OK\r\ncontent-length: 100001\r\n\r\n";
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async () => {
    using conn = await listener.accept();
    await conn.read(new Uint8Array(1000));
    await conn.write(new TextEncoder().encode(head));
    // Until the other end has gone.
    await conn.read(new Uint8Array(1)).catch(() => {});
  })();
  assertEquals(await kindOf(`http://127.0.0.1:${listener.addr.port}/`), "too-large");
  listener.close();
  await served;
});

Deno.test({
  name: "get() takes little more memory than it may keep when the answer inflates",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    let left = 200;
    const zeros = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: (to) => left-- > 0 ? to.enqueue(new Uint8Array(1e6)) : to.close(),
    });
    const packed = await new Response(zeros.pipeThrough(new CompressionStream("gzip"))).bytes();
    const headers = { "content-encoding": "gzip" };
    await withServer(() => new Response(packed, { headers }), async (base) => {
      const { success, stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-lock", LOAD, base, String(96 << 20)],
        stderr: "inherit",
      }).output();
      assert(success);
      const { end, peakBytes } = JSON.parse(new TextDecoder().decode(stdout));
      assertEquals(end, "too-large");
      // The chunks of the stream, kept until the end, make it 1,200 MB.
      assert(peakBytes < 400e6, `${peakBytes} bytes`);
    });
  },
});

Deno.test("get() gives up when the answer takes too long, at any stage", async () => {
  const stalled = () => new ReadableStream<Uint8Array<ArrayBuffer>>({ start: () => {} });
  const held = Promise.withResolvers<Response>();
  await withServer(
    (_, url) => url.pathname === "/body" ? new Response(stalled()) : held.promise,
    async (base) => {
      assertEquals(await kindOf(`${base}/head`, { timeoutMs: 20 }), "timeout");
      assertEquals(await kindOf(`${base}/body`, { timeoutMs: 50 }), "timeout");
      held.resolve(new Response());
    },
  );
});

Deno.test("get() throws the signal's reason when aborted", async () => {
  const held = Promise.withResolvers<Response>();
  const controller = new AbortController();
  await withServer(() => {
    controller.abort(new Error("enough"));
    return held.promise;
  }, async (base) => {
    const options = { ...OPTIONS, signal: controller.signal };
    await assertRejects(() => systemHttp.get(base, options), Error, "enough");
    await assertRejects(() => systemHttp.get(base, options), Error, "enough");
    held.resolve(new Response());
  });
});

Deno.test("get() follows redirects, relative ones too, as far as allowed", async () => {
  const asked: string[] = [];
  await withServer((_, url) => {
    const left = Number(url.pathname.slice(1));
    if (left === 0) return new Response("there");
    return new Response("ignored", { status: 302, headers: { location: `${left - 1}` } });
  }, async (base) => {
    const mayRedirect = (from: URL, to: URL) => asked.push(`${from.pathname} ${to.pathname}`) > 0;
    const response = await systemHttp.get(`${base}/3`, { ...OPTIONS, mayRedirect });
    assertEquals(response.url, `${base}/0`);
    assertEquals(asked, ["/3 /2", "/2 /1", "/1 /0"]);
    assertEquals((await systemHttp.get(`${base}/5`, OPTIONS)).status, 200);
    assertEquals(await kindOf(`${base}/6`), "policy");
    assertEquals(await kindOf(`${base}/1`, { maxRedirects: 0 }), "policy");
    assertEquals(await kindOf(`${base}/1`, { mayRedirect: () => false }), "policy");
  });
});

Deno.test("get() refuses a redirect in circles, to another scheme or to nonsense", async () => {
  const targets: Record<string, string> = {
    "/self": "/self",
    "/ping": "/pong",
    "/pong": "/ping",
    "/file": "file:///etc/passwd",
    "/data": "data:,x",
    "/bad": "http://[",
  };
  await withServer(
    (_, url) =>
      new Response(null, { status: 301, headers: { location: targets[url.pathname] ?? "/" } }),
    async (base) => {
      for (const path of Object.keys(targets)) {
        assertEquals(await kindOf(base + path), "policy", path);
      }
    },
  );
});

Deno.test("get() takes a redirect without a location as the answer", async () => {
  await withServer(
    () => new Response("choose", { status: 302 }),
    async (base) => assertEquals((await systemHttp.get(base, OPTIONS)).status, 302),
  );
});

Deno.test("get() refuses what is no http URL", async () => {
  for (const url of ["ftp://a/", "file:///etc/passwd", "nonsense", ""]) {
    assertEquals(await kindOf(url), "policy", url);
  }
});

Deno.test("get() says refused when nobody listens, and leaves the secrets out", async () => {
  let base = "";
  await withServer(() => new Response(), (url) => {
    base = url;
    return Promise.resolve();
  });
  const url = `${base.replace("//", "//me:secret@")}/announce?passkey=secret`;
  const error = await assertRejects(() => systemHttp.get(url, OPTIONS), NetworkError);
  assertEquals(error.kind, "refused");
  assertEquals(error.message, `Cannot fetch ${base}/announce: connection refused`);
});

Deno.test("get() says unreachable when the connection is cut", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const served = (async () => {
    for await (const conn of listener) {
      await conn.read(new Uint8Array(1000));
      const head = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort";
      await conn.write(new TextEncoder().encode(head));
      conn.close();
    }
  })();
  const kind = await kindOf(`http://127.0.0.1:${port}/`);
  listener.close();
  await served;
  assert(kind === "unreachable" || kind === "other", kind);
});
