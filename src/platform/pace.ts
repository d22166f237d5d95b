/**
 * Where reads for peers are done: on the calling thread while the system has the bytes in memory, in a
 * Worker while it has to wait for the disk.
 *
 * Why: a trip to a Worker costs more than reading a quarter megabyte that is in memory (a GiB read and
 * sent on loopback: 0.37 CPU seconds without, 0.88 with), but a thread that waits for a disk serves
 * nobody. Nothing tells beforehand where bytes are; afterwards the time tells, and whether the process has
 * read from a disk at all: without that, a batch was slow since others had the processor.
 *
 * A pure decision over times. One long wait, or a second one among the last few batches, sends reads away;
 * a run of quick ones brings them back, and the run must be longer each time it was in vain.
 *
 * @module
 */

/** A batch that took longer waited for something: 256 KiB in memory take a tenth of this. */
export const SLOW_MS = 1;
/** A read on the calling thread is given up after this long, its rest done elsewhere. */
export const PATIENCE_MS = 20;
/** Not even a busy machine takes so long: some file systems do not say that they have read. */
const SUSPECT_MS = 100;
/** Two slow batches among so many are no accident. */
const WINDOW = 8;
/** Quick batches elsewhere before the calling thread tries again: at first, and at the most. */
const FEWEST_QUICK = 16;
const MOST_QUICK = 4096;

/** Decides where the next batch is read. */
export class Pace {
  #isNear = true;
  #sinceSlow = WINDOW;
  #quick = 0;
  #quickNeeded = FEWEST_QUICK;

  /** Whether the calling thread should read. */
  get isNear(): boolean {
    return this.#isNear;
  }

  /**
   * The calling thread has read a batch, or given up on it.
   *
   * @param hasWaited whether anything was read from a disk since the last call; asked only where a batch took
   * longer than {@link SLOW_MS}.
   */
  onNear(ms: number, hasWaited: boolean): void {
    if (ms <= (hasWaited ? SLOW_MS : SUSPECT_MS)) {
      this.#sinceSlow++;
      // It has been right here for as long as it had to prove itself at the worst.
      if (this.#sinceSlow > MOST_QUICK) this.#quickNeeded = FEWEST_QUICK;
      return;
    }
    const isAlone = this.#sinceSlow >= WINDOW;
    this.#sinceSlow = 0;
    if (isAlone && ms <= PATIENCE_MS) return;
    this.#isNear = false;
    this.#quick = 0;
  }

  /** A Worker has read a batch. */
  onFar(ms: number): void {
    this.#quick = ms <= SLOW_MS ? this.#quick + 1 : 0;
    if (this.#quick < this.#quickNeeded) return;
    this.#isNear = true;
    this.#sinceSlow = WINDOW;
    this.#quickNeeded = Math.min(MOST_QUICK, 2 * this.#quickNeeded);
  }
}
