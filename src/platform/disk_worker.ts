/**
 * The disk Worker, and how one is started.
 *
 * The module is its own entry: it starts a Worker from its own URL and serves when it finds itself in
 * one of that name. In this form it works from source, inside the one-file bundle (whose URL is then the
 * bundle's) and inside a compiled executable alike.
 *
 * @module
 */

import type { Reply, Request } from "./disk_messages.ts";
import { DiskService } from "./disk_service.ts";

const NAME = "starling-disk";

interface WorkerScope {
  readonly name: string;
  onmessage: ((event: MessageEvent<Request>) => void) | null;
  postMessage(message: Reply): void;
}

/**
 * Starts a Worker that answers every `Request` but `open` with a `Reply`.
 *
 * @throws where the module may not be read: Deno would ask a person for the permission.
 */
export function startDiskWorker(): Worker {
  const url = new URL(import.meta.url);
  if (url.protocol === "file:") {
    const { state } = Deno.permissions.querySync({ name: "read", path: url });
    if (state !== "granted") throw new Error(`Cannot start a Worker: ${url} may not be read`);
  }
  return new Worker(url, { type: "module", name: NAME });
}

/** Whether this code runs inside a disk Worker, where the program itself must not start. */
export function isDiskWorker(): boolean {
  return "WorkerGlobalScope" in globalThis && (globalThis as { name?: unknown }).name === NAME;
}

if (isDiskWorker()) {
  const scope = globalThis as unknown as WorkerScope;
  const service = new DiskService();
  scope.onmessage = ({ data }) => {
    const reply = service.serve(data);
    if (reply) scope.postMessage(reply);
  };
}
