/**
 * The cache of the Deno that runs the tests, for processes of the program with another home.
 *
 * @module
 */

let denoDir: string | undefined;

/** Where this Deno keeps its modules. */
export function denoDirectory(): string {
  if (denoDir === undefined) {
    const { stdout } = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).outputSync();
    denoDir = String(JSON.parse(new TextDecoder().decode(stdout)).denoDir);
  }
  return denoDir;
}
