/**
 * The command line, from arguments to exit code.
 *
 * The one place where a failure becomes an `error:` line, a last JSON event and an exit code, whatever
 * command it came from.
 *
 * @module
 */

import { BugError } from "../base/errors.ts";
import type { Shell } from "../ports/shell.ts";
import type { Context, Ending, Parts } from "./context.ts";
import { forActions, forJson, forTerminal } from "./escape.ts";
import { errorFields, failureOf, Interrupted } from "./exit.ts";
import { shortHelp } from "./help.ts";
import { Interrupts } from "./interrupts.ts";
import { lookOf, type Options } from "./look.ts";
import { JsonLines } from "./ndjson.ts";
import { firstWordsOf } from "./magnet_source.ts";
import { type Invocation, parseCommandLine, wantsJson } from "./parse.ts";
import { Screen } from "./screen.ts";
import { isReadable } from "./source_kind.ts";
import { writeStepSummary } from "./step_summary.ts";
import { cut, widthOf } from "./text_width.ts";
import { UsageError } from "./usage_error.ts";

/** Verbs whose result a job wants to read in its summary. */
const SUMMED_UP: ReadonlySet<string> = new Set(["get", "verify", "meta", "cat"]);
/** Verbs that get the metadata of a link before anything else. */
const FETCHING: ReadonlySet<string> = new Set(["get", "cat", "seed"]);
/** Verbs with a block, of which the first words are a part. */
const DRAWING: ReadonlySet<string> = new Set(["get", "cat", "seed", "create", "share"]);
/** How long the last words may take when nobody reads them. */
const FLUSH_MS = 1_000;

/** Does what the command line says; resolves with the exit code once everything is written. Never rejects. */
export async function runCli(shell: Shell, parts: Parts): Promise<number> {
  let invocation: Invocation;
  try {
    invocation = parseCommandLine(shell.args, shell.env);
  } catch (error) {
    return await refuse(shell, error);
  }
  const isPouring = pours(invocation);
  const screen = new Screen(shell, lookOf(shell, invocation.options, isPouring));
  const json = screen.look.isJson ? new JsonLines(shell.stdout) : undefined;
  let ending: Ending;
  {
    using interrupts = new Interrupts(shell, () => screen.abandon());
    using _crash = shell.onCrash((error) => crash(error, { shell, screen, json }));
    using _pause = pauses(shell, screen);
    // A stream knows better what it means that its reader has gone.
    if (!isPouring) interrupts.stopWithOutput();
    ending = await endingOf({ shell, parts, invocation, screen, interrupts, json });
    // On one terminal what failed comes below what there was to say.
    if (shell.stdout.isTerminal) await flush(shell, interrupts.signal).catch(() => {});
    tell(ending, { shell, screen, json });
    const isSummedUp = SUMMED_UP.has(invocation.verb.name) && !interrupts.isLeft;
    if (isSummedUp) await writeStepSummary(shell, ending);
    await screen.endKeeping();
    await flush(shell, interrupts.signal).catch(() => {});
  }
  return ending.exitCode;
}

/** Whether standard output is the data of a torrent. */
function pours({ verb, options }: Invocation): boolean {
  return verb.name === "cat" || options.text("output") === "-";
}

/** Gives the terminal back while the process stands still, where there is a block on it. */
function pauses(shell: Shell, screen: Screen): Disposable {
  if (screen.look.progress !== "bar") return { [Symbol.dispose]() {} };
  return shell.onSuspend({ onStop: () => screen.pause(), onContinue: () => screen.resume() });
}

/** Runs the verb; whatever goes wrong is an ending, too. */
async function endingOf(context: Context): Promise<Ending> {
  const { shell, screen, interrupts, invocation } = context;
  let ending: Ending;
  try {
    const log = invocation.options.text("log-file");
    if (log === "-") {
      throw new UsageError("Cannot use --log-file -: neither output is for the log", {
        hint: "-vv says the same on standard error; ./- is a file of that name",
      });
    }
    if (log !== undefined) screen.keepIn(await shell.openLines(log));
    for (const message of invocation.warnings) {
      screen.warn(message);
      context.json?.write({ v: 1, type: "warning", at: shell.clock.epochMs(), message });
    }
    ending = await runVerb(context);
  } catch (error) {
    const failure = failureOf(error);
    ending = { exitCode: failure.exitCode, failure };
  }
  // Whatever drew it, the block goes with the run, and the cursor comes back.
  screen.clear();
  const isStopped = ending.failure?.error instanceof Interrupted;
  if (interrupts.isLeft && isStopped) ending = { exitCode: 0 };
  try {
    // What could not be written is a failure of its own; a reader that went away is not.
    if (ending.exitCode === 0) await flush(shell, interrupts.signal);
  } catch (error) {
    const failure = failureOf(error);
    ending = { exitCode: failure.exitCode, failure };
  }
  return ending;
}

function runVerb(context: Context): Promise<Ending> {
  switch (context.invocation.verb.name) {
    case "get":
      sayFirst(context);
      return import("./commands/get.ts").then(({ runGet }) => runGet(context));
    case "cat":
      sayFirst(context);
      return import("./commands/cat.ts").then(({ runCat }) => runCat(context));
    case "info":
      return import("./commands/info.ts").then(({ runInfo }) => runInfo(context));
    case "seed":
      sayFirst(context);
      return import("./commands/seed.ts").then(({ runSeed }) => runSeed(context));
    case "create":
      sayFirst(context);
      return import("./commands/create.ts").then(({ runCreate }) => runCreate(context));
    case "verify":
      return import("./commands/verify.ts").then(({ runVerify }) => runVerify(context));
    case "meta":
      return import("./commands/meta.ts").then(({ runMeta }) => runMeta(context));
    case "magnet":
      return import("./commands/magnet.ts").then(({ runMagnet }) => runMagnet(context));
    case "edit":
      return import("./commands/edit.ts").then(({ runEdit }) => runEdit(context));
    case "doctor":
      sayFirst(context);
      return import("./commands/doctor.ts").then(({ runDoctor }) => runDoctor(context));
    case "scrape":
      sayFirst(context);
      return import("./commands/scrape.ts").then(({ runScrape }) => runScrape(context));
    case "share":
      sayFirst(context);
      return import("./commands/share.ts").then(({ runShare }) => runShare(context));
    case "tracker":
      return import("./commands/tracker.ts").then(({ runTracker }) => runTracker(context));
    case "demo":
      return import("./commands/demo.ts").then(({ runDemo }) => runDemo(context));
    case "completions":
      return import("./commands/completions.ts").then(({ runCompletions }) =>
        runCompletions(context)
      );
    case "man":
      return import("./commands/man.ts").then(({ runMan }) => runMan(context));
    case "version":
      return import("./commands/version.ts").then(({ runVersion }) => runVersion(context));
    default:
      return import("./commands/help.ts").then(({ runHelp }) => runHelp(context));
  }
}

/** The first sign of life, before the engine is loaded: what is being read. */
function sayFirst({ invocation, screen }: Context): void {
  const source = invocation.operands[0];
  if (source === undefined) return;
  const isLink = !isReadable(source);
  if (isLink && !FETCHING.has(invocation.verb.name)) return;
  const { name, note } = firstWordsOf(source);
  if (note === undefined) return;
  if (screen.look.progress !== "bar" || !DRAWING.has(invocation.verb.name)) {
    return screen.note(note);
  }
  const what = isLink ? "fetching the metadata" : "reading";
  const line = cut(`${forTerminal(name)}: ${what}`, screen.canvas.columns);
  screen.draw([line], [widthOf(line)]);
}

/** The end of a command line that makes no sense. */
async function refuse(shell: Shell, error: unknown): Promise<number> {
  const isJson = wantsJson(shell.args, shell.env);
  const options: Options = {
    flag: (name) => name === "json" && isJson,
    text: () => undefined,
    number: () => shell.args.includes("-vv") ? 2 : 0,
  };
  const screen = new Screen(shell, lookOf(shell, options));
  const failure = failureOf(error);
  const json = isJson ? new JsonLines(shell.stdout) : undefined;
  tell({ exitCode: failure.exitCode, failure }, { shell, screen, json });
  const about = error instanceof UsageError ? error.shortHelp : undefined;
  if (about !== undefined) shell.stderr.write(shortHelp(about));
  await flush(shell, undefined).catch(() => {});
  return failure.exitCode;
}

/** What nobody caught is a bug: said in the same words as any, and then the program ends at once. */
function crash(
  error: unknown,
  { shell, screen, json }: { shell: Shell; screen: Screen; json: JsonLines | undefined },
): void {
  const failure = failureOf(new BugError(error instanceof Error ? error.message : String(error)));
  screen.abandon();
  shell.stderr.writeNow(`error: ${forTerminal(failure.message)}\nhint: ${failure.hint}\n`);
  if (screen.look.isActions) {
    shell.stderr.writeNow(`::error::${forActions(failure.message)}\n`);
  }
  if (screen.look.verbosity >= 2 && error instanceof Error) {
    shell.stderr.writeNow(`${(error.stack ?? "").split("\n").map(forTerminal).join("\n")}\n`);
  }
  if (json !== undefined && !json.hasEnded) {
    const at = shell.clock.epochMs();
    shell.stdout.writeNow(`${forJson({ v: 1, type: "error", at, ...errorFields(failure) })}\n`);
  }
  shell.exit(failure.exitCode);
}

function tell(
  ending: Ending,
  to: { shell: Shell; screen: Screen; json: JsonLines | undefined },
): void {
  const { failure, complaint } = ending;
  if (failure !== undefined) to.screen.fail(failure);
  else if (complaint !== undefined) {
    to.screen.fail({ exitCode: ending.exitCode, message: complaint });
  }
  const at = to.shell.clock.epochMs();
  if (failure !== undefined) {
    to.json?.end({ v: 1, type: "error", at, ...ending.facts, ...errorFields(failure) });
  } else if (ending.facts !== undefined) {
    const { bytesTotal = 0, bytesDownloaded = 0, bytesUploaded = 0, seconds = 0 } = ending.facts;
    const totals = { bytesTotal, bytesDownloaded, bytesUploaded, seconds };
    const { exitCode, facts } = ending;
    to.json?.end({ v: 1, type: "done", at, ...facts, exitCode, ...totals });
  }
}

/** Waits for a slow reader, but not once the program is asked to end. */
async function flush(shell: Shell, signal: AbortSignal | undefined): Promise<void> {
  // What standard output cannot take is told on standard error, which is waited for all the same.
  const told = shell.stderr.flush().catch(() => {});
  const written = shell.stdout.flush().finally(() => told);
  if (signal === undefined) return await written;
  const asked = Promise.withResolvers<void>();
  const onAbort = () => shell.clock.sleep(FLUSH_MS).then(asked.resolve);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([written, asked.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
