/**
 * HTTP GET over `fetch`: one answer, read whole under caps of size and time.
 *
 * Redirects are followed here, never by `fetch`, so that each one can be refused. The body is counted
 * as it comes out of decompression, so a small answer cannot inflate without end.
 *
 * @module
 */

import { NetworkError } from "../base/errors.ts";
import type { HttpClient, HttpOptions, HttpResponse } from "../ports/http.ts";
import { toNetworkError } from "./net_errors.ts";

/** Bytes of a body that are read at a time. */
const CHUNK_BYTES = 65_536;

/** The client of this machine. */
export const systemHttp: HttpClient = { get };

async function get(url: string, options: HttpOptions): Promise<HttpResponse> {
  const { signal, timeoutMs } = options;
  signal?.throwIfAborted();
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    controller.abort();
  }, timeoutMs);
  try {
    return await follow(url, options, controller.signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (isLate) {
      const why = `no whole answer within ${timeoutMs} ms`;
      throw new NetworkError("timeout", `Cannot fetch ${show(url)}: ${why}`);
    }
    throw toNetworkError(error, `Cannot fetch ${show(url)}`);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

async function follow(
  url: string,
  options: HttpOptions,
  signal: AbortSignal,
): Promise<HttpResponse> {
  let at = parse(url, url);
  const seen = new Set<string>();
  for (let hops = 0;; hops++) {
    seen.add(at.href);
    const response = await fetch(at, {
      redirect: "manual",
      signal,
      ...(options.headers && { headers: options.headers }),
    });
    const location = isRedirect(response.status) ? response.headers.get("location") : null;
    if (location === null) return await readWhole(response, at, options.maxBytes);
    await response.body?.cancel();
    const to = parse(location, url, at);
    if (hops >= options.maxRedirects) refuse(url, "too many redirects");
    if (seen.has(to.href)) refuse(url, "the redirects go in circles");
    if (options.mayRedirect?.(at, to) === false) refuse(url, `a redirect to ${show(to.href)}`);
    at = to;
  }
}

async function readWhole(response: Response, url: URL, maxBytes: number): Promise<HttpResponse> {
  // Of a body that is packed this counts what is on the wire, which is no more than what comes out.
  if (Number(response.headers.get("content-length")) > maxBytes) {
    await response.body?.cancel();
    throw tooLarge(url, maxBytes);
  }
  const body = await readBody(response, maxBytes);
  if (body === undefined) throw tooLarge(url, maxBytes);
  return {
    url: url.href,
    status: response.status,
    header: (name) => response.headers.get(name) ?? undefined,
    body,
  };
}

/**
 * The bytes of a body in one buffer that doubles, `undefined` where there are more than `maxBytes`. A
 * stream's own chunks cost two to twelve times their bytes until the collector comes, so all are read into the
 * same memory; and a buffer that is moved gives its old memory back at once.
 */
async function readBody(response: Response, maxBytes: number): Promise<Uint8Array | undefined> {
  if (response.body === null) return new Uint8Array(0);
  const reader = response.body.getReader({ mode: "byob" });
  let memory = new Uint8Array(CHUNK_BYTES);
  let buffer = new ArrayBuffer(0);
  let length = 0;
  try {
    for (;;) {
      const { value, done } = await reader.read(memory);
      if (done) return new Uint8Array(buffer.transfer(length));
      const end = length + value.length;
      if (end > maxBytes) return undefined;
      if (end > buffer.byteLength) buffer = buffer.transfer(Math.max(end, 2 * buffer.byteLength));
      new Uint8Array(buffer).set(value, length);
      length = end;
      memory = new Uint8Array(value.buffer);
    }
  } finally {
    await reader.cancel();
  }
}

function tooLarge(url: URL, maxBytes: number): NetworkError {
  const why = `the answer is longer than ${maxBytes} bytes`;
  return new NetworkError("too-large", `Cannot fetch ${show(url.href)}: ${why}`);
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

function parse(text: string, asked: string, base?: URL): URL {
  let url: URL;
  try {
    url = new URL(text, base);
  } catch {
    refuse(asked, base ? "a redirect to what is not a URL" : "not a URL");
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    refuse(asked, `"${url.protocol.slice(0, 40)}" is neither http nor https`);
  }
  return url;
}

function refuse(url: string, why: string): never {
  throw new NetworkError("policy", `Cannot fetch ${show(url)}: ${why}`);
}

// A URL for a message: the query of an announce URL is long, binary, and may hold a passkey, and what is
// before the host may be a password.
function show(url: string): string {
  const query = url.indexOf("?");
  return (query < 0 ? url : url.slice(0, query)).replace(/\/\/[^/@]*@/, "//").slice(0, 200);
}
