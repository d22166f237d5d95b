/**
 * Sizes, rates, durations and times as people read them.
 *
 * Powers of 1 024 with their own names (KiB, MiB), three digits that matter, no locale: the same bytes
 * give the same text everywhere, so scripts may compare it.
 *
 * @module
 */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Bytes in three digits: `0 B`, `999 B`, `1.00 KiB`, `35.1 MiB`, `1023 GiB`. */
export function formatBytes(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 1023.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? String(Math.round(value)) : threeDigits(value)} ${UNITS[unit]}`;
}

/** Bytes a second: `35.1 MiB/s`. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** A whole number with thin groups a person can count: `2,083,390,464`. */
export function formatCount(n: number): string {
  return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Seconds as `0.3s`, `42s`, `3m 20s`, `5h 04m`, `12d 3h`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.95) return `${Math.max(0, seconds).toFixed(1).replace(/\.0$/, "")}s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${two(s % 60)}s`;
  if (s < 86_400) return `${Math.floor(s / 3600)}h ${two(Math.floor(s / 60) % 60)}m`;
  return `${Math.floor(s / 86_400)}d ${Math.floor(s / 3600) % 24}h`;
}

/**
 * Percent with one decimal. It never shows 100 before all is there, nor 0 for what has begun, since
 * people act on both.
 */
export function formatPercent(done: number, total: number): string {
  if (total <= 0 || done >= total) return "100 %";
  const tenths = Math.min(999, Math.max(done > 0 ? 1 : 0, Math.floor((done / total) * 1000)));
  return `${(tenths / 10).toFixed(1)} %`;
}

/** Seconds since the epoch as `2019-08-05 19:44:26 UTC`; `undefined` where there is no such year. */
export function formatTime(epochSeconds: number): string | undefined {
  const date = new Date(epochSeconds * 1000);
  if (Number.isNaN(date.getTime())) return undefined;
  return `${date.toISOString().slice(0, -5).replace("T", " ")} UTC`;
}

function threeDigits(value: number): string {
  return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

function two(n: number): string {
  return String(n).padStart(2, "0");
}
