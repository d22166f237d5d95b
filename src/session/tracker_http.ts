/**
 * One announce over HTTP or HTTPS (BEP 3): asks, follows redirects under the safety policy, and turns every
 * kind of failure into a `TrackerError`.
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
import { type PolicyOptions, redirectRefusal, trackerRefusal } from "./policy.ts";

/** The largest answer that is read, after decompression: over 100,000 compact peers. */
export const MAX_ANSWER_BYTES = 2_097_152;
/** Redirects followed of one announce. */
export const MAX_REDIRECTS = 5;

/** What an announce over HTTP needs. */
export interface HttpAnnounceOptions {
  /** The outside world. */
  readonly world: { readonly http: HttpClient; readonly network: Pick<Network, "resolve"> };
  /** Sent as `User-Agent`. */
  readonly userAgent: string;
  /** Whether the user named this tracker. */
  readonly isUserTyped: boolean;
  /** Whether the user permits private addresses. */
  readonly allowPrivate: boolean;
  /** The time for the whole announce. */
  readonly timeoutMs: number;
  /** Aborts the announce. */
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
  options: HttpAnnounceOptions,
): Promise<AnnounceResponse> {
  const policy: PolicyOptions = {
    isUserTyped: options.isUserTyped,
    allowPrivate: options.allowPrivate,
    resolve: (host, o) => options.world.network.resolve(host, o),
    signal: options.signal,
  };
  const refusal = await trackerRefusal(new URL(url), policy);
  if (refusal !== undefined) {
    throw trackerError(url, "policy", refusal, { retryAfterMs: Infinity });
  }
  let next = announceUrl(url, request);
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const step = await get(url, next, options);
    if (!(step instanceof URL)) return readAnswer(url, step);
    const refusal = await redirectRefusal(new URL(next), step, policy);
    if (refusal !== undefined) throw trackerError(url, "policy", refusal);
    next = step.href;
  }
  throw trackerError(url, "garbage", `more than ${MAX_REDIRECTS} redirects`);
}

/** One request: the answer, or where it redirects to. */
async function get(
  tracker: string,
  url: string,
  options: HttpAnnounceOptions,
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
    throw networkFailure(tracker, error);
  }
}

function readAnswer(url: string, response: HttpResponse): AnnounceResponse {
  const { status } = response;
  if (status >= 200 && status < 300) return parseAnnounce(url, response.body);
  // Some trackers put their failure reason behind a 4xx.
  try {
    parseAnnounce(url, response.body);
  } catch (error) {
    if (!(error instanceof TrackerError) || error.kind === "refused") throw error;
  }
  const seconds = /^\d{1,9}$/.exec(response.header("retry-after")?.trim() ?? "");
  const retry = seconds ? { retryAfterMs: clampRetry(Number(seconds[0])) } : {};
  throw trackerError(url, "status", `HTTP status ${status}`, retry);
}

function networkFailure(url: string, cause: NetworkError): TrackerError {
  switch (cause.kind) {
    case "refused":
      return trackerError(url, "unreachable", "connection refused", { cause });
    case "timeout":
      return trackerError(url, "timeout", "no answer in time", { cause });
    case "too-large":
      return trackerError(url, "garbage", "more than 2 MiB", { cause });
    default: {
      // "Cannot fetch <url>: <why>": the URL tells passkey and infohash, which nobody needs to read.
      const why = cause.message.slice(cause.message.indexOf(": ") + 1);
      return trackerError(url, cause.kind === "policy" ? "policy" : "unreachable", why, { cause });
    }
  }
}
