/**
 * Reads back bytes of verified pieces, wherever they lie: in files, in the side file, or nowhere, since
 * padding is zeros.
 *
 * @module
 */

import { DiskError } from "../base/errors.ts";
import type { PieceIndex } from "../base/units.ts";
import type { FileSpan, FileStore } from "../ports/disk.ts";
import type { DiskMetainfo } from "./disk_metainfo.ts";
import type { ResumeFile } from "./resume_file.ts";
import { isMasked } from "./span_mask.ts";

/** Where the bytes of a torrent are read from. */
export interface PieceSource {
  readonly metainfo: DiskMetainfo;
  readonly store: FileStore;
  /** Holds bytes of this piece that have no file; `undefined` where all of it is in files. */
  readonly kept: ResumeFile | undefined;
}

/**
 * Reads `into.length` bytes of a piece from `begin` on, which must lie within it.
 *
 * @throws {DiskError} where a file is gone or shorter than it was.
 */
export async function readPiece(
  source: PieceSource,
  at: { readonly piece: PieceIndex; readonly begin: number },
  into: Uint8Array,
): Promise<void> {
  const { metainfo, kept } = source;
  const { piece, begin } = at;
  const spans = metainfo.fileMap.spans(piece);
  const mask = kept?.neighbours(piece)?.mask;
  // The log found its bytes to be damaged when they were read before.
  if (kept && !mask) throw changed("resume data", "it was changed");
  const end = begin + into.length;
  let keptAt = 0;
  for (let i = 0; i < spans.length; i++) {
    const span = spans[i]!;
    const isKept = isMasked(mask, i);
    const from = Math.max(begin, span.start);
    const to = Math.min(end, span.start + span.length);
    if (from < to) {
      const part = into.subarray(from - begin, to - begin);
      const skip = from - span.start;
      if (span.file < 0) part.fill(0);
      else if (!isKept) await readFile(source, span, { skip, part });
      else if (!await kept!.read(piece, keptAt + skip, part)) {
        throw changed("resume data", "it was changed");
      }
    }
    if (isKept) keptAt += span.length;
  }
}

async function readFile(
  { store, metainfo }: PieceSource,
  span: FileSpan,
  { skip, part }: { skip: number; part: Uint8Array },
): Promise<void> {
  if (await store.read(span.file, span.offset + skip, part) === part.length) return;
  const path = metainfo.files[span.file]!.path.join("/");
  throw changed(path, "the file is gone or shorter than it was");
}

function changed(path: string, why: string): DiskError {
  return new DiskError(`Cannot read "${path}": ${why}`, {
    path,
    operation: "read",
    kind: "missing",
  });
}
