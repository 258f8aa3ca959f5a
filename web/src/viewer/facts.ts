/** The facts of the photo in the viewer, and whether they are shown; that choice is remembered. */
import { getPhoto, type PhotoDetails } from "../api";
import { Observable } from "../observable";

const REMEMBERED = "lookalike.facts";
const KEPT = 200;

class FactsOfShown extends Observable {
  details: PhotoDetails | null = null;
  error: string | null = null;
  /** How well the photo matches each part of the search that found it; null: it was not searched for. */
  match: Record<string, number> | null = null;
  shown = localStorage.getItem(REMEMBERED) === "shown";
  #id = 0;
  readonly #known = new Map<number, PhotoDetails>();

  /** The viewer shows another photo: learn its facts. */
  follow(id: number, match: Record<string, number> | null): void {
    if (this.#id === id && this.error === null) return;
    this.match = match;
    this.#id = id;
    this.error = null;
    this.details = this.#known.get(id) ?? null;
    this.changed();
    if (this.details === null && this.shown) void this.#load(id);
  }

  show(shown: boolean): void {
    this.shown = shown;
    localStorage.setItem(REMEMBERED, shown ? "shown" : "hidden");
    this.changed();
    if (shown && this.details === null && this.#id > 0) void this.#load(this.#id);
  }

  /** What is known of a photo has changed. */
  async reload(id: number): Promise<void> {
    this.#known.delete(id);
    if (this.#id === id) await this.#load(id);
  }

  async #load(id: number): Promise<void> {
    try {
      const details = await getPhoto(id);
      if (this.#known.size >= KEPT) this.#known.clear();
      this.#known.set(id, details);
      if (this.#id === id) this.details = details;
    } catch (error) {
      if (this.#id === id) this.error = error instanceof Error ? error.message : String(error);
    }
    this.changed();
  }
}

export const facts = new FactsOfShown();
