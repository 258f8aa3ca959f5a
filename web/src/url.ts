/**
 * The page's state as its address, both ways. Whatever is on screen can be reloaded, shared and reached by Back:
 *
 *     /                      the whole collection
 *     /?similar=ID           photos similar to a photo of the collection
 *     /?upload=HEX           photos similar to an outside photo that the server holds
 *     /?words=...            photos found by a line of the query language: words, or more
 *     ...&photo=ID           the viewer, open on that photo
 *     ?similar=ID&why=ID     why the other photo is similar
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
  /** The hit whose likeness to the goal photo is explained. */
  why?: number;
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
  const place: Place = { subject: parseSubject(query), photo: parseId(query.get("photo")) };
  const why = place.subject.kind === "similar" && place.photo === null ? parseId(query.get("why")) : null;
  return why === null ? place : { ...place, why };
}

/** The address of a place, from the root. */
export function hrefOf({ subject, photo, why }: Place): string {
  const query = new URLSearchParams();
  if (subject.kind === "similar") query.set("similar", String(subject.id));
  if (subject.kind === "upload") query.set("upload", subject.upload);
  if (subject.kind === "words") query.set("words", subject.words);
  if (photo !== null) query.set("photo", String(photo));
  if (why !== undefined) query.set("why", String(why));
  return query.size > 0 ? `/?${query}` : "/";
}

/** Equal for equal subjects: names a list of photos in memory. */
export const subjectKey = (subject: Subject) => hrefOf({ subject, photo: null });

export const similarHref = (id: number) => hrefOf({ subject: { kind: "similar", id }, photo: null });
export const whyHref = (id: number, other: number) =>
  hrefOf({ subject: { kind: "similar", id }, photo: null, why: other });
export const queryHref = (words: string) => hrefOf({ subject: { kind: "words", words }, photo: null });
