/**
 * A program of its own for the test of memory: fetches the URL of its first argument under the cap of its
 * second one, and prints how that ended and the most memory that the process ever had, as JSON. For Linux.
 *
 * @module
 */

import { NetworkError } from "../../../src/base/errors.ts";
import { systemHttp } from "../../../src/platform/http.ts";

const [url, cap] = Deno.args;
let end: string;
try {
  const options = { maxBytes: Number(cap), timeoutMs: 60_000, maxRedirects: 0 };
  end = `${(await systemHttp.get(url!, options)).body.length} bytes`;
} catch (error) {
  if (!(error instanceof NetworkError)) throw error;
  end = error.kind;
}
// What the system counts for a parent (ru_maxrss) begins with the most of whoever started the process.
const status = await Deno.readTextFile("/proc/self/status");
const peakBytes = Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) * 1024;
console.log(JSON.stringify({ end, peakBytes }));
