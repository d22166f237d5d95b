/**
 * Text measured and cut by the columns it takes on a terminal: East Asian wide characters and emoji take
 * two, combining and invisible ones none (UAX #11).
 *
 * Terminals disagree on joined emoji; they are counted one by one, since a line that turns out shorter
 * than thought does no harm and one that folds spoils the screen.
 *
 * @module
 */

const ZERO = /^[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff]$/u;
const WIDE =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}])$/u;
/** Asks for the emoji form of the character before it, which is wide. */
const EMOJI_FORM = "\ufe0f";

/** Columns of a text without escape sequences. */
export function widthOf(text: string): number {
  if (isAscii(text)) return text.length;
  let width = 0;
  for (const c of text) width += widthOfCharacter(c);
  return width;
}

/** The text, or its beginning and "…", in at most `columns`. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let out = "";
  let width = 0;
  for (const c of text) {
    width += widthOfCharacter(c);
    if (width > columns - 1) break;
    out += c;
  }
  return columns > 0 ? `${out}…` : "";
}

/** The text with spaces behind it up to `columns`. */
export function pad(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - widthOf(text)));
}

/** The text in lines that fit, broken behind its commas; all but the first begin with two spaces. */
export function fold(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const part of text.split(/(?<=[,;]) /)) {
    const last = lines.at(-1);
    const longer = `${last} ${part}`;
    if (last !== undefined && widthOf(longer) <= columns) lines[lines.length - 1] = longer;
    else lines.push(last === undefined ? part : `  ${part}`);
  }
  return lines;
}

function widthOfCharacter(c: string): number {
  if (c === EMOJI_FORM) return 1;
  if (c.length === 1 && c.charCodeAt(0) < 0x300) return 1;
  if (WIDE.test(c)) return 2;
  return ZERO.test(c) ? 0 : 1;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7e) return false;
  return true;
}
