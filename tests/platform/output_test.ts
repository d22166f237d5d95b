/**
 * Streams as queues: order, slow readers, readers that went away.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../src/base/errors.ts";
import { type ByteSink, StreamOutput } from "../../src/platform/output.ts";

/** A sink that takes a few bytes at a time, and nothing before it is let. */
class SlowSink implements ByteSink {
  text = "";
  failure: Error | undefined;
  readonly gate = Promise.withResolvers<void>();
  readonly #decoder = new TextDecoder();

  async write(data: Uint8Array): Promise<number> {
    await this.gate.promise;
    if (this.failure) throw this.failure;
    const some = data.subarray(0, 5);
    this.text += this.#decoder.decode(some, { stream: true });
    return some.length;
  }

  writeSync(data: Uint8Array): number {
    if (this.failure) throw this.failure;
    this.text += `[${new TextDecoder().decode(data)}]`;
    return data.length;
  }

  isTerminal(): boolean {
    return false;
  }
}

Deno.test("StreamOutput keeps the order and writes everything when the sink is slow", async () => {
  const sink = new SlowSink();
  const output = new StreamOutput(sink, "standard output");
  output.write("first line\n");
  output.write("日本語 😀\n");
  assertEquals(output.backlog, 18);
  output.writeNow("now");
  sink.gate.resolve();
  await output.flush();
  output.write("last");
  await output.flush();
  assertEquals(sink.text, "[now]first line\n日本語 😀\nlast");
  assertEquals(output.backlog, 0);
});

Deno.test("StreamOutput cuts no surrogate pair when a text is long", async () => {
  const sink = new SlowSink();
  sink.gate.resolve();
  sink.write = (data) => {
    sink.text += new TextDecoder().decode(data);
    return Promise.resolve(data.length);
  };
  const output = new StreamOutput(sink, "standard output");
  const text = `x${"😀".repeat(1_100_000)}`;
  output.write(text);
  await output.flush();
  assert(sink.text === text);
});

Deno.test("StreamOutput ends quietly when the reader went away", async () => {
  const sink = new SlowSink();
  sink.failure = new Deno.errors.BrokenPipe();
  sink.gate.resolve();
  const output = new StreamOutput(sink, "standard output");
  output.write("x");
  await output.flush();
  await output.closed;
  output.write("more");
  output.writeNow("more");
  assertEquals([output.backlog, sink.text], [0, ""]);
  await output.flush();
});

Deno.test("StreamOutput.flush() throws when the disk behind it is full", async () => {
  const sink = new SlowSink();
  sink.failure = Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
  sink.gate.resolve();
  const output = new StreamOutput(sink, "standard output");
  output.write("x");
  const error = await assertRejects(() => output.flush(), DiskError);
  assertEquals([error.kind, error.message], [
    "full",
    'Cannot write "standard output": the disk is full',
  ]);
});

Deno.test("StreamOutput keeps bytes and text in their order", async () => {
  const sink = new SlowSink();
  sink.gate.resolve();
  const output = new StreamOutput(sink, "standard output");
  const utf8 = new TextEncoder();
  output.write("a");
  output.write("b");
  output.writeBytes(utf8.encode("bytes, many"));
  output.writeBytes(new Uint8Array(0));
  output.write("c");
  assertEquals(output.backlog, 14);
  await output.flush();
  assertEquals([sink.text, output.backlog], ["abbytes, manyc", 0]);
});
