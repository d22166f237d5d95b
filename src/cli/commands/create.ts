/**
 * `starling create PATH`: make a .torrent file.
 *
 * @module
 */

import { basename } from "@std/path/basename";
import { resolve } from "@std/path/resolve";
import { hex } from "../../base/bytes.ts";
import { USER_AGENT } from "../../base/version.ts";
import type { Extras } from "../../metainfo/create.ts";
import { isPieceLength } from "../../metainfo/layout.ts";
import { formatMagnet } from "../../metainfo/magnet.ts";
import { safeName } from "../../metainfo/safe_path.ts";
import type { Shell } from "../../ports/shell.ts";
import type { Context, Ending } from "../context.ts";
import { createFrom, type Creation, type CreationPlan } from "../creation.ts";
import { deadline } from "../deadline.ts";
import { forTerminal } from "../escape.ts";
import type { OptionValues } from "../option_values.ts";
import { checkOutput, checkTarget, deliver, type Target, targetOf } from "../torrent_output.ts";
import { formatBytes, formatCount } from "../units.ts";
import { UsageError } from "../usage_error.ts";

/** Makes the torrent, writes it, and prints its infohash and its magnet. */
export async function runCreate(context: Context): Promise<Ending> {
  const { shell, screen, invocation, interrupts } = context;
  const { options } = invocation;
  const plan = creationPlan(invocation.operands[0]!, options, shell);
  checkOutput(options, shell);
  if (plan.extras.isPrivate === true && (plan.extras.trackers ?? []).length === 0) {
    screen.warn("a private torrent without a tracker finds no peers");
  }
  using limit = deadline(shell.clock, options.number("timeout"), interrupts.signal);
  const target = await targetOf(options, shell, fileNameOf(plan, shell));
  await checkTarget(target, shell);
  const creation = await createFrom(context, plan, {
    signal: limit.signal,
    ...(target.kind === "file" ? { output: target.path } : {}),
  });
  await deliver(shell, target, creation.bytes);
  tell(context, creation, target);
  const { metainfo, bytesTotal, progress } = creation;
  const { seconds } = progress;
  return { exitCode: 0, facts: { infoHash: hex(metainfo.infoHash), bytesTotal, seconds } };
}

/**
 * What the options say about a torrent to be made of `path`.
 *
 * @throws {UsageError} for a piece length or a name that cannot be.
 */
export function creationPlan(
  path: string,
  options: OptionValues,
  shell: Pick<Shell, "clock">,
): CreationPlan {
  const pieceLength = options.number("piece-length");
  if (pieceLength !== undefined && !isPieceLength(pieceLength)) {
    throw new UsageError(
      `Cannot use --piece-length ${pieceLength}: it is not a power of two from 16K to 64M`,
      { hint: "16K, 32K, 64K, … 32M, 64M" },
    );
  }
  const name = options.text("name");
  if (name !== undefined && (name.includes("/") || safeName(name) !== name)) {
    throw new UsageError(`Cannot use --name ${JSON.stringify(name)}: it is no name of a file`);
  }
  return {
    path,
    name,
    wish: { include: options.texts("include"), exclude: options.texts("exclude"), numbers: [] },
    layout: {
      isPadded: options.flag("pad-files"),
      ...(pieceLength === undefined ? {} : { pieceLength }),
    },
    extras: extrasOf(options, shell),
  };
}

function extrasOf(options: OptionValues, shell: Pick<Shell, "clock">): Extras {
  const source = options.text("source") || undefined;
  const comment = options.text("comment") || undefined;
  return {
    trackers: options.groups("tracker"),
    webSeeds: options.texts("webseed"),
    isPrivate: options.flag("private"),
    createdBy: USER_AGENT,
    ...(source === undefined ? {} : { source }),
    ...(comment === undefined ? {} : { comment }),
    ...(options.flag("no-date") ? {} : { createdAt: Math.floor(shell.clock.epochMs() / 1000) }),
  };
}

function fileNameOf({ name, path }: CreationPlan, shell: Shell): string {
  const whole = name ?? basename(resolve(path));
  const safe = safeName(whole, shell.system);
  if (safe === undefined) {
    throw new UsageError(`Cannot make a torrent of ${path}: it has no name`, {
      hint: "--name gives it one",
    });
  }
  return `${safe}.torrent`;
}

function tell({ shell, screen, json }: Context, creation: Creation, target: Target): void {
  const { metainfo, files, bytesTotal, progress } = creation;
  const { pieceCount, pieceLength } = metainfo.pieceMap;
  const magnet = formatMagnet(metainfo);
  const infoHash = hex(metainfo.infoHash);
  const path = target.kind === "file" ? target.path : "standard output";
  const count = files === 1 ? "1 file" : `${formatCount(files)} files`;
  const pieces = `${formatCount(pieceCount)} ${pieceCount === 1 ? "piece" : "pieces"} of ${
    formatBytes(pieceLength)
  }`;
  screen.note(`done: ${forTerminal(path)}: ${count} in ${pieces}, ${progress.summary}`);
  if (json !== undefined) {
    return json.write({
      v: 1,
      type: "torrent",
      at: shell.clock.epochMs(),
      infoHash,
      infoHashV2: null,
      name: metainfo.name,
      path,
      totalBytes: bytesTotal,
      pieceLength,
      pieces: pieceCount,
      files,
      magnet,
    });
  }
  const lines = [`infohash      ${infoHash}`, `magnet        ${magnet}`];
  if (target.kind === "stdout") lines.forEach((line) => screen.note(line));
  else shell.stdout.write(`${lines.join("\n")}\n`);
}
