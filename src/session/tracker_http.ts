/**
 * One announce or scrape over HTTP or HTTPS (BEP 3, 48): asks, follows redirects under the safety policy, and
 * turns every kind of failure into a `TrackerError`.
 *
 * Redirects are followed here one by one and not by the HTTP client, since judging one may need a look-up
 * of its host, which takes time. The announcer bounds the time of the whole.
 *
 * @module
 */

import { NetworkError, TrackerError } from "../base/errors.ts";
import type { HttpClient, HttpResponse } from "../ports/http.ts";
import type { Network } from "../ports/network.ts";
import {
  type AnnounceRequest,
  type AnnounceResponse,
  clampRetry,
  trackerError,
} from "../tracker/announce.ts";
import { announceUrl, parseAnnounce } from "../tracker/http_codec.ts";
import { MAX_SCRAPE, parseScrape, type ScrapeResult, scrapeUrl } from "../tracker/scrape.ts";
import { type PolicyOptions, redirectRefusal, trackerRefusal } from "./policy.ts";

/** The largest answer that is read, after decompression: over 100,000 compact peers. */
export const MAX_ANSWER_BYTES = 2_097_152;
/** Redirects followed of one announce. */
export const MAX_REDIRECTS = 5;

/** What asking a tracker over HTTP needs. */
export interface HttpAskOptions {
  /** The outside world. */
  readonly world: { readonly http: HttpClient; readonly network: Pick<Network, "resolve"> };
  /** Sent as `User-Agent`. */
  readonly userAgent: string;
  /** Whether the user named this tracker. */
  readonly isUserTyped: boolean;
  /** Whether the user permits private addresses. */
  readonly allowPrivate: boolean;
  /** The time for the whole. */
  readonly timeoutMs: number;
  /** Gives up. */
  readonly signal: AbortSignal;
}

/**
 * Announces to the tracker at `url`.
 *
 * @throws {TrackerError} of every kind; or the signal's reason.
 */
export async function announceHttp(
  url: string,
  request: AnnounceRequest,
  options: HttpAskOptions,
): Promise<AnnounceResponse> {
  const target = announceUrl(url, request);
  const ask = { url, target, verb: "announce to" };
  return await askHttp({ ...ask, parse: (body) => parseAnnounce(url, body) }, options);
}

/**
 * Asks the tracker whose announce URL is `url` about torrents, at most `MAX_SCRAPE` of them; `null` is one it
 * does not know.
 *
 * @throws {TrackerError} of every kind, `policy` where the URL tells of no scrape; or the signal's reason.
 */
export async function scrapeHttp(
  url: string,
  infoHashes: readonly Uint8Array[],
  options: HttpAskOptions,
): Promise<(ScrapeResult | null)[]> {
  const verb = "scrape";
  const target = scrapeUrl(url, infoHashes);
  if (target === undefined) {
    throw trackerError(url, "policy", "its URL names no announce to replace", { verb });
  }
  const asked = infoHashes.slice(0, MAX_SCRAPE);
  const parse = (body: Uint8Array) => parseScrape(url, body, asked);
  return await askHttp({ url, target, verb, parse }, options);
}

/** What is asked, and how the answer is read. */
interface Ask<T> {
  /** The announce URL: what the policy judges, and errors name. */
  readonly url: string;
  /** The URL with all parameters. */
  readonly target: string;
  readonly verb: string;
  readonly parse: (body: Uint8Array) => T;
}

async function askHttp<T>(ask: Ask<T>, options: HttpAskOptions): Promise<T> {
  const { url, verb } = ask;
  const policy: PolicyOptions = {
    isUserTyped: options.isUserTyped,
    allowPrivate: options.allowPrivate,
    resolve: (host, o) => options.world.network.resolve(host, o),
    signal: options.signal,
  };
  const refusal = await trackerRefusal(new URL(url), policy);
  if (refusal !== undefined) {
    throw trackerError(url, "policy", refusal, { retryAfterMs: Infinity, verb });
  }
  let next = ask.target;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const step = await get(ask, next, options);
    if (!(step instanceof URL)) return readAnswer(ask, step);
    const refusal = await redirectRefusal(new URL(next), step, policy);
    if (refusal !== undefined) throw trackerError(url, "policy", refusal, { verb });
    next = step.href;
  }
  throw trackerError(url, "garbage", `more than ${MAX_REDIRECTS} redirects`, { verb });
}

/** One request: the answer, or where it redirects to. */
async function get(
  ask: Ask<unknown>,
  url: string,
  options: HttpAskOptions,
): Promise<HttpResponse | URL> {
  let target: URL | undefined;
  try {
    return await options.world.http.get(url, {
      headers: { "user-agent": options.userAgent },
      maxBytes: MAX_ANSWER_BYTES,
      timeoutMs: options.timeoutMs,
      maxRedirects: 1,
      mayRedirect: (_from, to) => {
        target = to;
        return false;
      },
      signal: options.signal,
    });
  } catch (error) {
    options.signal.throwIfAborted();
    if (!(error instanceof NetworkError)) throw error;
    if (target && error.kind === "policy") return target;
    throw networkFailure(ask, error);
  }
}

function readAnswer<T>({ url, verb, parse }: Ask<T>, response: HttpResponse): T {
  const { status } = response;
  if (status >= 200 && status < 300) return parse(response.body);
  // Some trackers put their failure reason behind a 4xx.
  try {
    parse(response.body);
  } catch (error) {
    if (!(error instanceof TrackerError) || error.kind === "refused") throw error;
  }
  const seconds = /^\d{1,9}$/.exec(response.header("retry-after")?.trim() ?? "");
  const retry = seconds ? { retryAfterMs: clampRetry(Number(seconds[0])) } : {};
  throw trackerError(url, "status", `HTTP status ${status}`, { ...retry, verb });
}

function networkFailure({ url, verb }: Ask<unknown>, cause: NetworkError): TrackerError {
  const options = { cause, verb };
  switch (cause.kind) {
    case "refused":
      return trackerError(url, "unreachable", "connection refused", options);
    case "timeout":
      return trackerError(url, "timeout", "no answer in time", options);
    case "too-large":
      return trackerError(url, "garbage", "more than 2 MiB", options);
    default: {
      // "Cannot fetch <url>: <why>": the URL tells passkey and infohash, which nobody needs to read.
      const why = cause.message.slice(cause.message.indexOf(": ") + 1);
      return trackerError(url, cause.kind === "policy" ? "policy" : "unreachable", why, options);
    }
  }
}
