/**
 * Holds every line that `--json` writes against the schema that is published.
 *
 * @module
 */

import { type Schema, schemaErrors } from "./json_schema.ts";

const FILE = new URL("../../docs/events.schema.json", import.meta.url);

/** What `docs/events.schema.json` says. */
export const EVENTS: Schema = JSON.parse(Deno.readTextFileSync(FILE));

/** Fails for an event that the schema does not describe, and for a field that it does not name. */
export function assertEvent(event: unknown): void {
  const errors = schemaErrors(event, EVENTS, { isStrict: true });
  if (errors.length === 0) return;
  const hint = "a new event or field belongs into docs/events.schema.json";
  throw new Error(`${errors.join("\n")}\n${hint}\n${JSON.stringify(event)}`);
}

/** Parses the lines of `--json`, each held against the schema. */
export function parseEvents<T = Record<string, unknown>>(lines: readonly string[]): T[] {
  return lines.map((line) => {
    const event = JSON.parse(line);
    assertEvent(event);
    return event;
  });
}
