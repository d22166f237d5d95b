/**
 * A lane is one place where disk work is done: a Worker, or the main thread itself where there is none.
 *
 * A Worker that never comes up (no permission to load it, an embedder that forbids it) is replaced by
 * the main thread, and what it was sent is served there. A Worker that breaks after it has answered
 * once is a bug of ours: everything it owes is answered with one.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Reply, Request } from "./disk_messages.ts";
import { DiskService } from "./disk_service.ts";
import { startDiskWorker } from "./disk_worker.ts";

/** Where disk work is done. */
export interface Lane {
  /** Sends a request; the answers come in the order of the requests. */
  post(request: Request): void;
  /** Ends it; answers that are owed never come. */
  end(): void;
}

/** Serves on this thread, a request per turn of the event loop so that sockets are not starved. */
export class InlineLane implements Lane {
  readonly #service = new DiskService();
  readonly #onReply: (reply: Reply) => void;
  #hasEnded = false;

  constructor(onReply: (reply: Reply) => void) {
    this.#onReply = onReply;
  }

  post(request: Request): void {
    // Costs nothing, and what is asked for at once must know the store.
    if (request.type === "open") return void this.#service.serve(request);
    setImmediate(() => {
      if (this.#hasEnded) return;
      const reply = this.#service.serve(request);
      if (reply) this.#onReply(reply);
    });
  }

  /** Does a request at once, before those that wait. Not for `open`. */
  now(request: Request): Reply {
    return this.#service.serve(request)!;
  }

  end(): void {
    this.#hasEnded = true;
  }
}

/** Serves in a Worker. */
export class WorkerLane implements Lane {
  readonly #worker: Worker;
  readonly #onReply: (reply: Reply) => void;
  // What was sent before the first answer, should the Worker never come up.
  #unproven: Request[] | undefined = [];
  readonly #owed = new Set<number>();
  #fallback: InlineLane | undefined;
  #broken: string | undefined;

  constructor(onReply: (reply: Reply) => void, start: () => Worker = startDiskWorker) {
    this.#onReply = onReply;
    this.#worker = start();
    this.#worker.onmessage = (event: MessageEvent<Reply>) => {
      this.#unproven = undefined;
      this.#owed.delete(event.data.id);
      this.#onReply(event.data);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#onFailure(event.message);
    };
    this.#worker.onmessageerror = () => this.#onFailure("a message could not be read");
  }

  post(request: Request): void {
    if (this.#fallback) return this.#fallback.post(request);
    if ("id" in request) {
      if (this.#broken !== undefined) return this.#answerBroken(request.id);
      this.#owed.add(request.id);
    }
    this.#unproven?.push(request);
    this.#worker.postMessage(request);
  }

  end(): void {
    this.#worker.terminate();
    this.#fallback?.end();
  }

  #onFailure(message: string): void {
    const unproven = this.#unproven;
    this.#worker.terminate();
    if (unproven) {
      this.#unproven = undefined;
      this.#fallback = new InlineLane(this.#onReply);
      for (const request of unproven) this.#fallback.post(request);
      return;
    }
    this.#broken = `the disk worker ended: ${message}`;
    for (const id of this.#owed) this.#answerBroken(id);
    this.#owed.clear();
  }

  #answerBroken(id: number): void {
    queueMicrotask(() => this.#onReply({ id, bug: this.#broken! }));
  }
}
