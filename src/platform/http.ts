/**
 * HTTP GET over `fetch`: one answer, read whole under caps of size and time.
 *
 * Redirects are followed here, never by `fetch`, so that each one can be refused. The body is counted
 * as it comes out of decompression, so a small answer cannot inflate without end.
 *
 * @module
 */

import { concat } from "../base/bytes.ts";
import { NetworkError } from "../base/errors.ts";
import type { HttpClient, HttpOptions, HttpResponse } from "../ports/http.ts";
import { toNetworkError } from "./net_errors.ts";

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
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop by an exception cancels the body.
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > maxBytes) {
      const why = `the answer is longer than ${maxBytes} bytes`;
      throw new NetworkError("too-large", `Cannot fetch ${show(url.href)}: ${why}`);
    }
    chunks.push(chunk);
  }
  return {
    url: url.href,
    status: response.status,
    header: (name) => response.headers.get(name) ?? undefined,
    body: chunks.length === 1 ? chunks[0]! : concat(chunks),
  };
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
