/**
 * Where diagnostics go. The session says what an operator can act on; peers' sins are `debug`.
 *
 * @module
 */

/** How much a line matters. */
export type LogLevel = "debug" | "info" | "warning";

/** A structured log sink. */
export interface Log {
  /** One line: what happened and the facts that go with it. */
  write(level: LogLevel, message: string, facts?: Readonly<Record<string, string | number>>): void;
}
