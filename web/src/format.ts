/** Figures, dates and places as people write them. */
import type { Job, Photo } from "./api";

const NUMBER = new Intl.NumberFormat("en");

export const formatCount = (n: number) => NUMBER.format(n);

/** `1 photo`, `1,234 photos`. */
export const formatPhotos = (n: number) => `${formatCount(n)} ${n === 1 ? "photo" : "photos"}`;

/** What a photo is called: its title, else its file's name. */
export const titleOf = (photo: Pick<Photo, "title" | "name">) => photo.title?.trim() || photo.name || "Untitled";

/** Whether a name is set smaller: museums write titles of a paragraph's length. */
export const isLong = (name: string) => name.length > 56;

/** `87 %`. Rounded down, so that only identical photos are 100 % alike. */
export const formatScore = (score: number) => `${Math.floor(Math.min(Math.max(score, 0), 1) * 100 + 1e-9)} %`;

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** A path as a shell takes it for one word. */
export const shellQuoted = (path: string) =>
  /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;

/** `5 seconds`, `3 minutes`, `2 hours`: one unit is enough for what is an estimate. */
export function formatDuration(seconds: number): string {
  const [size, name] = seconds < 90 ? [1, "second"] : seconds < 90 * 60 ? [60, "minute"] : [3600, "hour"];
  const n = Math.max(1, Math.round(seconds / size));
  return `${formatCount(n)} ${name}${n === 1 ? "" : "s"}`;
}

/**
 * A photo's local time, as its camera wrote it: the hour shown is the hour it was there, whatever the reader's zone.
 *
 * @param takenAt ISO 8601, as precise as is known: `2019`, `2019-06`, `2019-06-03`, `2019-06-03T14:05:00+02:00`.
 */
export function formatTakenAt(takenAt: string): string {
  const parts = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d))?)?)?/.exec(takenAt);
  if (!parts) return takenAt;
  const [, year, month, day, hour, minute] = parts;
  if (month === undefined) return String(year);
  const date = new Date(
    Date.UTC(Number(year), Number(month) - 1, Number(day ?? 1), Number(hour ?? 0), Number(minute ?? 0)),
  );
  const shown: Intl.DateTimeFormatOptions = { timeZone: "UTC", year: "numeric", month: "long" };
  if (day !== undefined) shown.day = "numeric";
  if (hour !== undefined) Object.assign(shown, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  return new Intl.DateTimeFormat("en-GB", shown).format(date).replace(" at ", ", ");
}

/** `1/250 s`, `0.8 s`, `30 s`. */
export function formatExposure(seconds: number): string {
  if (seconds > 0 && seconds < 0.3) return `1/${formatCount(Math.round(1 / seconds))} s`;
  return `${Number(seconds.toFixed(1))} s`;
}

/** `48.1374° N, 11.5755° E`. */
export function formatPlace(latitude: number, longitude: number): string {
  const degrees = (value: number, positive: string, negative: string) =>
    `${Math.abs(value).toFixed(4)}° ${value < 0 ? negative : positive}`;
  return `${degrees(latitude, "N", "S")}, ${degrees(longitude, "E", "W")}`;
}

/** `6,000 × 4,000 · 24 MP`; under a megapixel without it. */
export function formatPixels(width: number, height: number): string {
  const size = `${formatCount(width)} × ${formatCount(height)}`;
  const megapixels = (width * height) / 1e6;
  if (megapixels < 0.95) return size;
  return `${size} · ${megapixels < 9.95 ? megapixels.toFixed(1) : Math.round(megapixels)} MP`;
}

/** A running job in one line: `1,234 of 10,000 · 42 per second · about 3 minutes left`. */
export function formatJob(job: Job): string {
  if (job.state === "counting") return "Counting photos";
  if (job.message) return job.message;
  const parts = [`${formatCount(job.done)} of ${formatCount(job.total)}`];
  if (job.rate !== null && job.rate > 0) {
    parts.push(`${job.rate < 10 ? job.rate.toFixed(1) : formatCount(Math.round(job.rate))} per second`);
  }
  if (job.eta_seconds !== null && job.eta_seconds > 0) parts.push(`about ${formatDuration(job.eta_seconds)} left`);
  return parts.join(" · ");
}
