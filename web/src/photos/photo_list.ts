/**
 * The photos of one subject, loaded page by page as they are needed, and kept while the page is open: Back finds the
 * list as it was left, without asking the server again.
 */
import {
  ApiError,
  getPhotos,
  getSimilar,
  getSimilarToUpload,
  type Hit,
  type Hits,
  type Photo,
  type Query,
  search,
  type WordsBy,
} from "../api";
import { Observable } from "../observable";
import { type Subject, subjectKey } from "../url";

/** A photo, and how well it matches where the list is a search's. */
export type Listed = Photo & Partial<Pick<Hit, "score" | "parts">>;

interface Page {
  photos: Listed[];
  next: string | null;
  total: number | null;
  query: Query | null;
  wordsBy: WordsBy | null;
}

const PAGE = 100;
const LISTS_KEPT = 24;

async function loadPage(subject: Subject, cursor: string | null): Promise<Page> {
  if (subject.kind === "all") return { query: null, wordsBy: null, ...(await getPhotos(cursor, PAGE)) };
  const offset = Number(cursor ?? 0);
  let hits: Hits;
  if (subject.kind === "similar") hits = await getSimilar(subject.id, offset, PAGE);
  else if (subject.kind === "upload") hits = await getSimilarToUpload(subject.upload, offset, PAGE);
  else hits = await search(subject.words, offset, PAGE);
  const next = hits.next_offset === null ? null : String(hits.next_offset);
  return { photos: hits.hits, next, total: null, query: hits.query, wordsBy: hits.stats.words };
}

export class PhotoList extends Observable {
  readonly photos: Listed[] = [];
  /** What was searched with, as soon as the server has said so. */
  query: Query | null = null;
  /** How words were looked for; null: none were. */
  wordsBy: WordsBy | null = null;
  /** Photos in the collection when the last page came; null for searches, whose length only their end tells. */
  total: number | null = null;
  loading = false;
  complete = false;
  error: Error | null = null;

  readonly #ids = new Map<number, number>();
  #next: string | null = null;

  constructor(readonly subject: Subject) {
    super();
  }

  /** Where a photo stands in the list; -1: it is not, or not yet, there. */
  indexOf(id: number): number {
    return this.#ids.get(id) ?? -1;
  }

  /** Load the next page, unless one is on its way or the last is here. */
  async more(): Promise<void> {
    if (this.loading || this.complete) return;
    this.loading = true;
    this.error = null;
    this.changed();
    try {
      this.#take(await loadPage(this.subject, this.#next));
    } catch (error) {
      this.error = error instanceof Error ? error : new Error(String(error));
    }
    this.loading = false;
    this.changed();
  }

  /** The whole collection was here, and has grown since: there is more to load, after the last. */
  reopen(): void {
    const last = this.photos.at(-1);
    if (!this.complete || this.loading) return;
    this.complete = false;
    this.#next = last ? String(last.id) : null;
    this.changed();
  }

  /** Try again after the server was gone; an answer that was no stays no. */
  retry(): void {
    if (this.error !== null && !(this.error instanceof ApiError)) void this.more();
  }

  #take(page: Page): void {
    for (const photo of page.photos) {
      // Pages shift while photos are being added, so that one may come twice.
      if (this.#ids.has(photo.id)) continue;
      this.#ids.set(photo.id, this.photos.length);
      this.photos.push(photo);
    }
    this.query ??= page.query;
    this.wordsBy ??= page.wordsBy;
    this.total = page.total;
    this.#next = page.next;
    this.complete = page.next === null;
  }
}

const lists = new Map<string, PhotoList>();

/** The list of a subject, from memory where it is still there. */
export function listOf(subject: Subject): PhotoList {
  const key = subjectKey(subject);
  const list = lists.get(key) ?? new PhotoList(subject);
  lists.delete(key);
  lists.set(key, list); // the latest used stands last
  for (const oldest of lists.keys()) {
    if (lists.size <= LISTS_KEPT) break;
    lists.delete(oldest);
  }
  return list;
}

/** What some list in memory knows of a photo; null: none does. */
export function knownPhoto(id: number): Photo | null {
  for (const list of lists.values()) {
    const photo = list.photos[list.indexOf(id)] ?? list.query?.photo;
    if (photo?.id === id) return photo;
  }
  return null;
}
