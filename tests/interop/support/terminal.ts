/**
 * A terminal of a given size in which a person types: a tmux session of its own, with a plain shell.
 *
 * @module
 */

import { ROOT } from "./starling.ts";
import { until } from "./wait.ts";

/** How large it is. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** A terminal that can be typed into and looked at. */
export class Terminal implements AsyncDisposable {
  readonly #socket: string;

  private constructor(socket: string) {
    this.#socket = socket;
  }

  /** Opens one with a shell. `folder` holds its socket, and is where the shell starts. */
  static async open(folder: string, { columns, rows }: TerminalSize): Promise<Terminal> {
    const terminal = new Terminal(`${folder}/tmux-${columns}`);
    const size = ["-x", String(columns), "-y", String(rows)];
    const env = ["-e", "PS1=$ ", "-e", `XDG_CACHE_HOME=${folder}/cache`, "-e", "LC_ALL=C.UTF-8"];
    await terminal.#tmux("-f", "/dev/null", "-u", "new-session", "-d", ...size, ...env, "sh");
    await terminal.#tmux("set", "-g", "window-size", "manual");
    await terminal.type(`cd '${folder}'; clear`);
    return terminal;
  }

  /** Types a line. */
  async type(line: string): Promise<void> {
    await this.send(line);
    await this.press("Enter");
  }

  /** Types without the Enter key. */
  async send(text: string): Promise<void> {
    await this.#tmux("send-keys", "-l", text);
  }

  /** Presses a key: `Enter`, `C-c`. */
  async press(key: string): Promise<void> {
    await this.#tmux("send-keys", key);
  }

  /** Changes its size. */
  async resize({ columns, rows }: TerminalSize): Promise<void> {
    await this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  /** The lines on the screen, without the empty ones at its end. */
  async screen(): Promise<string[]> {
    const text = await this.#tmux("capture-pane", "-p");
    return text.replace(/\n+$/, "").split("\n");
  }

  /** Whether the cursor is shown. */
  async isCursorShown(): Promise<boolean> {
    return (await this.#tmux("display-message", "-p", "#{cursor_flag}")).trim() === "1";
  }

  /** Waits until a line of the screen matches; gives the screen. */
  async shows(pattern: RegExp, timeoutMs = 30_000): Promise<string[]> {
    let last: string[] = [];
    const found = async () => {
      last = await this.screen();
      return last.some((line) => pattern.test(line)) ? last : undefined;
    };
    try {
      return await until(found, { what: `${pattern} on the screen`, timeoutMs, everyMs: 50 });
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${last.join("\n")}`);
    }
  }

  /** Ends the shell and what runs in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux("kill-server").catch(() => {});
  }

  async #tmux(...args: string[]): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command("tmux", {
      args: ["-S", this.#socket, ...args],
      cwd: ROOT,
      env: { LC_ALL: "C.UTF-8" },
    }).output();
    if (success) return new TextDecoder().decode(stdout);
    throw new Error(`Cannot run tmux ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }
}
