/**
 * Reading TypeScript source the way a rule about source needs it: comments and string contents blanked
 * out, import specifiers listed. Not a parser: it knows comments, strings, templates and regular
 * expressions, which is all that could make a word look like code.
 *
 * @module
 */

/** Source text in two forms of the same length and the same lines. */
export interface Source {
  /** Comments blanked. */
  readonly code: string;
  /** Comments and the contents of strings, templates and regular expressions blanked. */
  readonly bare: string;
}

/** Blanks comments, and strings as well in `bare`; `${…}` inside a template stays code. */
export function readSource(text: string): Source {
  const code = text.split("");
  const bare = text.split("");
  const scanner = new Scanner(text, (from, to, isComment) => {
    for (let i = from; i < to; i++) {
      if (text[i] === "\n") continue;
      bare[i] = " ";
      if (isComment) code[i] = " ";
    }
  });
  scanner.run();
  return { code: code.join(""), bare: bare.join("") };
}

/** Every module specifier that is imported or exported from, statically or not, types included. */
export function importsOf(code: string): string[] {
  const out: string[] = [];
  const patterns = [
    /(?:^|[;}\s])(?:import|export)\b[^'"`;()]*?\bfrom\s*["']([^"']+)["']/g,
    /(?:^|[;}\s])import\s*["']([^"']+)["']/g,
    /\bimport\s*\(\s*["']([^"']+)["']/g,
  ];
  for (const pattern of patterns) {
    for (const match of code.matchAll(pattern)) out.push(match[1]!);
  }
  return out;
}

class Scanner {
  readonly #text: string;
  readonly #blank: (from: number, to: number, isComment: boolean) => void;
  #at = 0;

  constructor(text: string, blank: (from: number, to: number, isComment: boolean) => void) {
    this.#text = text;
    this.#blank = blank;
  }

  run(): void {
    this.#code("");
  }

  /** Reads code up to the closing brace of a template's `${`, or to the end. */
  #code(closing: "" | "}"): void {
    let depth = 0;
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]!;
      const next = this.#text[this.#at + 1];
      if (char === "/" && next === "/") this.#until("\n", true);
      else if (char === "/" && next === "*") this.#until("*/", true);
      else if (char === '"' || char === "'") this.#quoted(char);
      else if (char === "`") this.#template();
      else if (char === "/" && this.#startsRegExp()) this.#regExp();
      else {
        if (char === "{") depth++;
        if (char === "}" && depth-- === 0 && closing === "}") return;
        this.#at++;
      }
    }
  }

  #until(end: string, isComment: boolean): void {
    const found = this.#text.indexOf(end, this.#at + 2);
    const to = found < 0 ? this.#text.length : found + (end === "\n" ? 0 : end.length);
    this.#blank(this.#at, to, isComment);
    this.#at = to;
  }

  #quoted(quote: string): void {
    let to = this.#at + 1;
    while (to < this.#text.length && this.#text[to] !== quote && this.#text[to] !== "\n") {
      to += this.#text[to] === "\\" ? 2 : 1;
    }
    this.#blank(this.#at + 1, Math.min(to, this.#text.length), false);
    this.#at = to + 1;
  }

  #template(): void {
    let from = ++this.#at;
    while (this.#at < this.#text.length && this.#text[this.#at] !== "`") {
      if (this.#text[this.#at] === "\\") this.#at += 2;
      else if (this.#text.startsWith("${", this.#at)) {
        this.#blank(from, this.#at, false);
        this.#at += 2;
        this.#code("}");
        from = ++this.#at;
      } else this.#at++;
    }
    this.#blank(from, Math.min(this.#at, this.#text.length), false);
    this.#at++;
  }

  /** A slash is a division only behind a value: a name, a number, a closing bracket. */
  #startsRegExp(): boolean {
    const before = this.#text.slice(Math.max(0, this.#at - 80), this.#at).trimEnd();
    if (before === "") return true;
    if (/\b(?:return|typeof|case|in|of|await|yield)$/.test(before)) return true;
    return !/[\w$)\]"'`}]$/.test(before);
  }

  #regExp(): void {
    let to = this.#at + 1;
    let inClass = false;
    while (to < this.#text.length && this.#text[to] !== "\n") {
      const char = this.#text[to]!;
      if (char === "\\") to++;
      else if (char === "[") inClass = true;
      else if (char === "]") inClass = false;
      else if (char === "/" && !inClass) break;
      to++;
    }
    this.#blank(this.#at + 1, to, false);
    this.#at = to + 1;
  }
}
