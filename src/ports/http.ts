/**
 * HTTP, as the session sees it: one GET, read whole under caps.
 *
 * @module
 */

/** What bounds a request. */
export interface HttpOptions {
  /** Extra request headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The most body bytes that are read, counted after decompression. */
  readonly maxBytes: number;
  /** The whole request, redirects and body included, must be done in this time. */
  readonly timeoutMs: number;
  /** Redirects followed at the most (0 to 10). */
  readonly maxRedirects: number;
  /** Asked before each redirect is followed; false refuses it. Only http and https are ever followed. */
  readonly mayRedirect?: (from: URL, to: URL) => boolean;
  /** Aborts the request. */
  readonly signal?: AbortSignal;
}

/** An answer, whatever its status. */
export interface HttpResponse {
  /** The URL that answered, after redirects. */
  readonly url: string;
  /** The status code. */
  readonly status: number;
  /** A header by its lower-case name. */
  header(name: string): string | undefined;
  /** The whole body, decompressed. */
  readonly body: Uint8Array;
}

/** A client that reads whole answers. */
export interface HttpClient {
  /**
   * GET.
   *
   * @throws {NetworkError} `timeout`, `too-large`, `policy` (a refused redirect, a loop, another scheme),
   * `unreachable` and so on; or the signal's reason.
   */
  get(url: string, options: HttpOptions): Promise<HttpResponse>;
}
