/** Changing the tags of the photo in the viewer: each change at once, each with what undoes it. */
import { changeTags, getSuggestedTags, type SuggestedTag, type TagBody } from "../api";
import { Observable } from "../observable";
import { facts } from "./facts";

/** Probability below which a suggestion is noise. */
const LEAST = 0.15;
const SUGGESTED = 6;

/** What was done last, and the request that takes it back. */
interface Done {
  text: string;
  undo: TagBody;
  undone: boolean;
}

class TagEditing extends Observable {
  suggestions: SuggestedTag[] = [];
  done: Done | null = null;
  error: string | null = null;
  busy = false;
  #photo = 0;

  /** The panel shows another photo. */
  follow(photo: number): void {
    if (photo === this.#photo) return;
    this.#photo = photo;
    this.suggestions = [];
    this.done = this.error = null;
    this.changed();
    void this.#suggest(photo);
  }

  add = (tag: string) => this.#change({ add: [tag] }, `“${tag}” added.`);
  remove = (tag: string) => this.#change({ remove: [tag] }, `“${tag}” taken off.`);
  accept = (tag: string) => this.#change({ accept: [tag] }, `“${tag}” added.`);
  reject = (tag: string) => this.#change({ reject: [tag] }, `“${tag}” will not be suggested here again.`);

  /** Take back what was done last; once more: do it again. */
  async undo(): Promise<void> {
    const { done } = this;
    if (done) await this.#send(done.undo, done.text, !done.undone);
  }

  async #change(change: Record<string, string[]>, text: string): Promise<void> {
    await this.#send({ changes: [{ photo_ids: [this.#photo], ...change }] }, text, false);
  }

  async #send(body: TagBody, text: string, undone: boolean): Promise<void> {
    if (this.busy) return;
    const photo = this.#photo;
    this.busy = true;
    this.error = null;
    this.changed();
    try {
      const { differences, undo } = await changeTags(body);
      await Promise.all([facts.reload(photo), this.#suggest(photo)]);
      if (photo === this.#photo) this.done = differences.length > 0 ? { text, undo, undone } : null;
    } catch (error) {
      this.error = error instanceof Error ? error.message : String(error);
    }
    this.busy = false;
    this.changed();
  }

  async #suggest(photo: number): Promise<void> {
    try {
      const { suggestions } = await getSuggestedTags(photo, SUGGESTED);
      if (photo === this.#photo) this.suggestions = suggestions.filter(({ score }) => score >= LEAST);
    } catch {
      if (photo === this.#photo) this.suggestions = []; // too few tags to learn from, mostly
    }
    this.changed();
  }
}

export const tagEditing = new TagEditing();
