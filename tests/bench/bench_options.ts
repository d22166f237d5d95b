/**
 * What the benches do with options that they do not know.
 *
 * @module
 */

/** For `parseArgs`. @throws {TypeError} whatever it is told of: benches take options alone. */
export function refuseUnknown(arg: string): never {
  throw new TypeError(`Cannot take ${arg}: no such option`);
}
