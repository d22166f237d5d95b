/**
 * Ctrl-Z: what is to be done before the process stands still, and after it goes on.
 *
 * Whoever listens to SIGTSTP has to stop the process himself, and Deno lets only those send signals who
 * may run programs; elsewhere the system's own way is left as it is. Nothing here makes Deno ask a person.
 *
 * @module
 */

import type { SuspendHandler } from "../ports/shell.ts";
import { hostSystem } from "./host.ts";

/** Whether {@link onSuspend} hears of a stop. */
export function canHearSuspend(): boolean {
  return hostSystem !== "windows" &&
    Deno.permissions.querySync({ name: "run" }).state === "granted";
}

/** Calls the handler around every stop by the terminal, and when the process goes on after any stop. */
export function onSuspend({ onStop, onContinue }: SuspendHandler): Disposable {
  if (!canHearSuspend()) return { [Symbol.dispose]() {} };
  const stop = () => {
    onStop();
    Deno.kill(Deno.pid, "SIGSTOP");
  };
  Deno.addSignalListener("SIGTSTP", stop);
  Deno.addSignalListener("SIGCONT", onContinue);
  let isOver = false;
  return {
    [Symbol.dispose]() {
      if (isOver) return;
      isOver = true;
      Deno.removeSignalListener("SIGTSTP", stop);
      Deno.removeSignalListener("SIGCONT", onContinue);
    },
  };
}
