/**
 * The page's state as its address, both ways. Whatever is on screen can be reloaded, shared and reached by Back:
 *
 *     /                      the whole collection
 *     /?similar=ID           photos similar to a photo of the collection
 *     /?upload=HEX           photos similar to an outside photo that the server holds
 *     /?words=...            photos found by a line of the query language: words, or more
 *     ...&photo=ID           the viewer, open on that photo
 */

export type Subject =
  | { kind: "all" }
  | { kind: "similar"; id: number }
  | { kind: "upload"; upload: string }
  | { kind: "words"; words: string };

export interface Place {
  subject: Subject;
  /** The photo that the viewer shows; null: the viewer is closed. */
  photo: number | null;
}

export const EVERYTHING: Place = { subject: { kind: "all" }, photo: null };

function parseId(text: string | null): number | null {
  return text !== null && /^[1-9]\d{0,15}$/.test(text) ? Number(text) : null;
}

function parseSubject(query: URLSearchParams): Subject {
  const similar = parseId(query.get("similar"));
  if (similar !== null) return { kind: "similar", id: similar };
  const upload = query.get("upload");
  if (upload !== null && /^[0-9a-f]+$/i.test(upload)) return { kind: "upload", upload };
  const words = query.get("words")?.trim();
  if (words) return { kind: "words", words };
  return { kind: "all" };
}

/** The place that an address's query string names; what it does not understand, it passes over. */
export function parsePlace(search: string): Place {
  const query = new URLSearchParams(search);
  return { subject: parseSubject(query), photo: parseId(query.get("photo")) };
}

/** The address of a place, from the root. */
export function hrefOf({ subject, photo }: Place): string {
  const query = new URLSearchParams();
  if (subject.kind === "similar") query.set("similar", String(subject.id));
  if (subject.kind === "upload") query.set("upload", subject.upload);
  if (subject.kind === "words") query.set("words", subject.words);
  if (photo !== null) query.set("photo", String(photo));
  return query.size > 0 ? `/?${query}` : "/";
}

/** Equal for equal subjects: names a list of photos in memory. */
export const subjectKey = (subject: Subject) => hrefOf({ subject, photo: null });

export const similarHref = (id: number) => hrefOf({ subject: { kind: "similar", id }, photo: null });
/** Words as they are: what the query language might read otherwise is put into quotes. */
export function wordsHref(text: string): string {
  const words = /^[\p{L}\p{N} ]+$/u.test(text) ? text : `"${text.replaceAll('"', '""')}"`;
  return hrefOf({ subject: { kind: "words", words }, photo: null });
}
