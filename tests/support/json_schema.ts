/**
 * Validates values against the subset of JSON Schema that `docs/events.schema.json` uses; anything else in a
 * schema is an error, so that no rule is passed over.
 *
 * @module
 */

/** A schema, as it was parsed. */
export interface Schema {
  readonly [keyword: string]: unknown;
}

/** Keywords that say nothing about validity. */
const NOTES = new Set(["$schema", "$defs", "title", "description"]);

/** What is wrong with a value: a line each, with the path to it. None: it is valid. */
export function schemaErrors(
  value: unknown,
  root: Schema,
  options: { readonly isStrict?: boolean } = {},
): string[] {
  return check(value, root, { root, path: "$", isStrict: options.isStrict ?? false });
}

interface Place {
  readonly root: Schema;
  readonly path: string;
  /** Whether a property that the schema does not name is an error. */
  readonly isStrict: boolean;
}

function check(value: unknown, schema: Schema, place: Place): string[] {
  const errors: string[] = [];
  const no = (why: string) => void errors.push(`${place.path}: ${why}`);
  for (const [keyword, rule] of Object.entries(schema)) {
    if (NOTES.has(keyword)) continue;
    switch (keyword) {
      case "$ref":
        errors.push(...check(value, resolve(place.root, String(rule)), place));
        break;
      case "oneOf":
        errors.push(...checkOneOf(value, rule as Schema[], place));
        break;
      case "type":
        if (![rule].flat().some((type) => isOfType(value, String(type)))) no(`is no ${rule}`);
        break;
      case "const":
        if (value !== rule) no(`is not ${JSON.stringify(rule)}`);
        break;
      case "enum":
        if (!(rule as unknown[]).includes(value)) no(`is none of ${JSON.stringify(rule)}`);
        break;
      case "minimum":
        if (typeof value === "number" && value < Number(rule)) no(`is less than ${rule}`);
        break;
      case "maximum":
        if (typeof value === "number" && value > Number(rule)) no(`is more than ${rule}`);
        break;
      case "pattern":
        if (typeof value === "string" && !new RegExp(String(rule)).test(value)) {
          no(`is not ${rule}`);
        }
        break;
      case "required":
        for (const key of rule as string[]) if (!has(value, key)) no(`has no ${key}`);
        break;
      case "items":
        if (Array.isArray(value)) {
          value.forEach((item, i) => errors.push(...check(item, rule as Schema, at(place, i))));
        }
        break;
      case "properties":
        errors.push(...checkProperties(value, rule as Record<string, Schema>, place));
        break;
      case "additionalProperties":
        for (const [key, item] of entries(value)) {
          errors.push(...check(item, rule as Schema, at(place, key)));
        }
        break;
      default:
        throw new Error(`Cannot validate: the keyword "${keyword}" is not of the subset`);
    }
  }
  return errors;
}

function checkProperties(
  value: unknown,
  properties: Readonly<Record<string, Schema>>,
  place: Place,
): string[] {
  return entries(value).flatMap(([key, item]) => {
    const schema = properties[key];
    if (schema !== undefined) return check(item, schema, at(place, key));
    return place.isStrict ? [`${place.path}: ${key} is not in the schema`] : [];
  });
}

/** Tells of the branch that came closest. */
function checkOneOf(value: unknown, branches: readonly Schema[], place: Place): string[] {
  const results = branches.map((branch) => check(value, branch, place));
  const valid = results.filter((errors) => errors.length === 0).length;
  if (valid === 1) return [];
  if (valid > 1) return [`${place.path}: is of ${valid} kinds at once`];
  return results.toSorted((a, b) => badness(a, place) - badness(b, place))[0]!;
}

/** A branch for another `type` is no help, however few other complaints it has. */
function badness(errors: readonly string[], { path }: Place): number {
  const isOther = errors.some((error) => error.startsWith(`${path}.type:`));
  return errors.length + (isOther ? 1000 : 0);
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    case "integer":
      return Number.isSafeInteger(value);
    case "number":
      return Number.isFinite(value);
    case "string":
      return typeof value === "string";
    case "boolean":
      return typeof value === "boolean";
    default:
      throw new Error(`Cannot validate: there is no type "${type}"`);
  }
}

function resolve(root: Schema, ref: string): Schema {
  const defs = root["$defs"] as Readonly<Record<string, Schema>>;
  const schema = defs[ref.replace(/^#\/\$defs\//, "")];
  if (schema === undefined) throw new Error(`Cannot validate: there is no ${ref}`);
  return schema;
}

function entries(value: unknown): [string, unknown][] {
  return isOfType(value, "object") ? Object.entries(value as object) : [];
}

function has(value: unknown, key: string): boolean {
  return isOfType(value, "object") && Object.hasOwn(value as object, key);
}

function at(place: Place, key: string | number): Place {
  return {
    ...place,
    path: typeof key === "number" ? `${place.path}[${key}]` : `${place.path}.${key}`,
  };
}
