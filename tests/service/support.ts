/**
 * A tracker server in the simulated world.
 *
 * @module
 */

import { NetworkError } from "../../src/base/errors.ts";
import type { ServeHttp } from "../../src/ports/http_server.ts";
import { type TrackerOptions, TrackerServer } from "../../src/service/tracker_server.ts";
import type { SimHost } from "../sim/world.ts";

/**
 * The port of HTTP servers on a simulated host. `taken` are ports that somebody else has; where it may choose it
 * takes `nextPort` and those behind it.
 */
export function simServeHttp(
  host: SimHost,
  taken: ReadonlySet<number> = new Set(),
  nextPort = 50_000,
): ServeHttp {
  return ({ port: wanted, handler }) => {
    const port = wanted || nextPort++;
    if (taken.has(port)) {
      return Promise.reject(new NetworkError("in-use", `Cannot listen on ${port}: it is taken`));
    }
    let isOpen = true;
    host.serve(port, ({ url, headers, from }) => {
      if (!isOpen) return { never: true };
      const { pathname: path, search } = url;
      const { status, headers: more, body } = handler({
        method: "GET",
        path,
        query: search.slice(1),
        from: { host: from, port: 40_000 },
        header: (name) => headers[name],
      });
      const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
      return { status, headers: more, body: bytes };
    });
    return Promise.resolve({
      address: { host: host.ip, port },
      [Symbol.asyncDispose]: () => {
        isOpen = false;
        return Promise.resolve();
      },
    });
  };
}

/** Starts a tracker on a simulated host. */
export function startTracker(
  host: SimHost,
  options: Partial<TrackerOptions> = {},
): Promise<TrackerServer> {
  const world = { ...host.process, serveHttp: simServeHttp(host) };
  return TrackerServer.start(world, { port: 6969, ...options });
}
