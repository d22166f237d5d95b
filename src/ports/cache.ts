/**
 * Small files that are kept between runs and may go at any time: nothing depends on them.
 *
 * @module
 */

/**
 * The user's cache. It never fails: what cannot be read is not there, what cannot be written is not kept.
 * A name is `FILE` or `FOLDER/FILE`, of lower-case letters, digits, `.`, `_` and `-`. What is in a folder is
 * bounded: the files that were not used for longest make room.
 */
export interface Cache {
  /** The bytes of a file, `undefined` where there are none. Whoever wrote them: to be checked before use. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** Keeps a file, whole or not at all, in the place of one of that name. */
  write(name: string, bytes: Uint8Array): Promise<void>;
}
