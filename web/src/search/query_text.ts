/**
 * Small pieces of the query language, as far as the page writes and shows it; the server alone reads it.
 *
 * What is written here is written as `print_query` would, so that a link, a chip and a typed line are one address.
 */
import type { MachineTag, QueryItem } from "../api";

/** Names of the language itself: a machine tag whose namespace is one of them needs `tag:` before it. */
const KEYS = new Set(
  "photo colour color style tag folder since until format near on season orientation dial order cut".split(" "),
);

const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;

/** Words as they are: what the language might read otherwise is put into quotes. */
export const wordsQuery = (text: string) => (/^[\p{L}\p{N} ]+$/u.test(text) ? text : quoted(text));

/** Photos with a tag. */
export const tagQuery = (raw: string) => (/^[\p{L}\p{N}_-]+$/u.test(raw) ? `#${raw}` : `tag:${quoted(raw)}`);

/** Photos with a machine tag. */
export function machineTagQuery({ namespace, predicate, raw }: Pick<MachineTag, "namespace" | "predicate" | "raw">) {
  const value = /^[^\s"*]+$/u.test(raw) ? raw : quoted(raw);
  return `${KEYS.has(namespace) ? "tag:" : ""}${namespace}:${predicate}=${value}`;
}

/** Photos of a style. */
export const styleQuery = (name: string) => `style:${/\s/.test(name) ? quoted(name) : name}`;

const unquoted = (text: string) =>
  text.startsWith('"') && text.endsWith('"') && text.length > 1 ? text.slice(1, -1).replaceAll('""', '"') : text;

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

const MEANINGS: Record<string, (value: string) => string> = {
  folder: (value) => `In ${value}`,
  since: (value) => `Since ${value}`,
  until: (value) => `Until ${value}`,
  on: (value) => (value.includes("-") ? `On ${value} of any year` : `In month ${value}`),
  season: capital,
  orientation: capital,
  format: (value) => value.toUpperCase().replaceAll(",", ", "),
  order: (value) => (value === "time" ? "Newest first" : `By ${value}`),
  cut: () => "Ends where chance begins",
  near: (value) => `Near ${value.replace(/,([^,]*)$/, ", $1")}`,
  dial: (value) => value.replace(/^(\w+)=(.*)$/, (_, name, n) => `${capital(name)} counts ${percent(Number(n))}`),
};

const percent = (share: number) => `${Math.round(share * 100)} %`;

/** An item of a query in words for people: `2:colour:teal@30%` is “teal, 30 %”. Sign and weight are not in it. */
export function labelOf({ kind, text, weight }: QueryItem): string {
  const body = weight === null ? text : text.replace(/^-?(?:[\d.]+:(?=\D))?/, "");
  const value = unquoted(body.slice(body.indexOf(":") + 1));
  switch (kind) {
    case "word":
      return body.replace(/^\\/, "");
    case "phrase":
      return `“${unquoted(body)}”`;
    case "tag":
      return `#${body.startsWith("#") ? body.slice(1) : value}`;
    case "machine tag":
      return body.replace(/^tag:/, "");
    case "colour": {
      const [name, share] = value.split("@");
      if (share === undefined) return value;
      return `${name}, ${share.endsWith("%") ? share.replace("%", " %") : percent(Number(share))}`;
    }
    case "style":
      return value;
    case "photo":
      return value.includes("[") ? `part of photo ${value.slice(0, value.indexOf("["))}` : `photo ${value}`;
    default: {
      const measure = /^(\w+)([<>])(.*)$/.exec(text);
      if (measure) {
        const [, name, sign, bound] = measure;
        return `${name === "nsfw" ? "NSFW" : capital(name ?? "")} ${sign === ">" ? "at least" : "at most"} ${bound}`;
      }
      const meaning = MEANINGS[text.slice(0, text.indexOf(":"))];
      return meaning ? meaning(value) : text;
    }
  }
}

/** What an item's weight says: `not`, `2 ×`, `less 0.5 ×`; empty where it counts as usual. */
export function weightLabel(weight: number | null): string {
  if (weight === null || weight === 1) return "";
  if (weight === -1) return "not";
  return weight < 0 ? `not, ${-weight} ×` : `${weight} ×`;
}

/** A part of a search, by the name that hits have for it: `-words:boat` is “not boat”. */
export const partLabel = (name: string) => name.replace(/^-/, "not ").replace(/^(not )?(?:words|style):/, "$1");

/** The line without one of its items. */
export const without = (items: QueryItem[], item: QueryItem) =>
  items
    .filter((other) => other !== item)
    .map(({ text }) => text)
    .join(" ");

/** Where an item that begins at `position` ends: before white space that no quotes hold. */
export function endOfItem(line: string, position: number): number {
  const characters = [...line]; // the server counts characters, JavaScript halves of some
  let inQuotes = false;
  let end = position;
  for (; end < characters.length; end++) {
    if (characters[end] === '"') inQuotes = !inQuotes;
    else if (!inQuotes && /\s/u.test(characters[end] ?? "")) break;
  }
  return end;
}

/** The line as three texts: before what is wrong, that, and the rest. */
export function partsAt(line: string, position: number): [string, string, string] {
  const characters = [...line];
  const end = endOfItem(line, position);
  const cut = (from: number, to?: number) => characters.slice(from, to).join("");
  return [cut(0, position), cut(position, end), cut(end)];
}

/** A suggestion against what was typed: what they have in common, and what it adds; all of it where they differ. */
export function addition(typed: string, suggested: string): [string, string] {
  const common = suggested.toLowerCase().startsWith(typed.toLowerCase()) ? typed.length : 0;
  return [suggested.slice(0, common), suggested.slice(common)];
}

/** Whether a suggestion is a beginning, to be gone on with: `colour:`, `exif:model=`, `nsfw<`. */
export const isBeginning = (query: string) => /[:=<>]$/.test(query);
