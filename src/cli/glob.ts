/**
 * Globs over the paths inside a torrent.
 *
 * `*` and `?` stay within a component, `**` does not, `[a-z]` and `[!a-z]` are one character, `{a,b}` is a
 * choice, `\` takes the next character as it is. A glob without a slash matches base names anywhere; one
 * that ends in a slash means everything below. Torrents love brackets in names, so a glob that is, letter
 * for letter, a path or a base name always matches it.
 *
 * @module
 */

/** Whether a path inside a torrent (components joined with `/`) matches. */
export type PathMatcher = (path: string) => boolean;

/** A matcher for a glob. */
export function compileGlob(glob: string): PathMatcher {
  const text = glob.replace(/^(?:\.?\/)+/, "").replace(/\/$/, "/**");
  const isBaseName = !text.includes("/") && text !== "**";
  const pattern = toRegExp(text);
  return (path) => {
    const subject = isBaseName ? path.slice(path.lastIndexOf("/") + 1) : path;
    return subject === text || subject === glob || pattern.test(subject);
  };
}

function toRegExp(glob: string): RegExp {
  const braces = balancedBraces(glob);
  let out = "";
  for (let i = 0; i < glob.length; i++) {
    const c = glob[i]!;
    if (c === "*") {
      if (glob[i + 1] !== "*") out += "[^/]*";
      else {
        i = lastStar(glob, i);
        const isWhole = (i < 2 || glob[i - 2] === "/") && glob[i + 1] === "/";
        // "**/" is any number of folders, none included.
        out += isWhole ? "(?:.*/)?" : ".*";
        if (isWhole) i++;
      }
    } else if (c === "?") out += "[^/]";
    else if (c === "[") {
      const end = classEnd(glob, i);
      out += end < 0 ? "\\[" : characterClass(glob.slice(i + 1, end));
      if (end >= 0) i = end;
    } else if (c === "{" && braces.has(i)) out += "(?:";
    else if (c === "}" && braces.has(i)) out += ")";
    else if (c === "," && isInside(braces, glob, i)) out += "|";
    else out += literal(c === "\\" && i + 1 < glob.length ? glob[++i]! : c);
  }
  return new RegExp(`^${out}$`, "su");
}

function literal(c: string): string {
  return c.replace(/[\\^$.*+?()[\]{}|]/, "\\$&");
}

/** The last of a run of stars: `***` means no more than `**`. */
function lastStar(glob: string, from: number): number {
  let i = from;
  while (glob[i + 1] === "*") i++;
  return i;
}

/** Where the class that begins at `open` ends, -1 where it does not. */
function classEnd(glob: string, open: number): number {
  // A bracket that comes first belongs to the class.
  const from = open + (/^\[[!^]?\]/.exec(glob.slice(open))?.[0].length ?? 1);
  const end = glob.indexOf("]", from);
  return glob.slice(open, end).includes("/") ? -1 : end;
}

function characterClass(body: string): string {
  const isNegated = /^[!^]/.test(body);
  const members = (isNegated ? body.slice(1) : body)
    .replace(/[\\\][^]/g, "\\$&")
    // A range that goes backwards would not compile; its ends are members then.
    .replace(
      /(.)-(.)/gs,
      (range, from: string, to: string) => from <= to ? range : `${from}\\-${to}`,
    );
  return `(?!/)[${isNegated ? "^" : ""}${members}]`;
}

/** Places of the braces that have a partner. */
function balancedBraces(glob: string): ReadonlySet<number> {
  const open: number[] = [];
  const places = new Set<number>();
  for (let i = 0; i < glob.length; i++) {
    if (glob[i] === "\\") i++;
    else if (glob[i] === "[") i = Math.max(i, classEnd(glob, i));
    else if (glob[i] === "{") open.push(i);
    else if (glob[i] === "}") {
      const from = open.pop();
      if (from !== undefined) places.add(from).add(i);
    }
  }
  return places;
}

function isInside(braces: ReadonlySet<number>, glob: string, at: number): boolean {
  let depth = 0;
  for (const place of [...braces].sort((a, b) => a - b)) {
    if (place > at) break;
    depth += glob[place] === "{" ? 1 : -1;
  }
  return depth > 0;
}
