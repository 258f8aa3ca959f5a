/** How the line that is being typed may go on: asked of the server after a short rest, older questions given up. */
import { complete, type Suggestion } from "../api";
import { Observable } from "../observable";

const REST_MS = 110;
const SHOWN = 8;

class Completing extends Observable {
  suggestions: Suggestion[] = [];
  /** What they are suggested for. */
  typed = "";
  /** The suggestion that the arrow keys lead to; -1: none, the line as typed. */
  active = -1;
  open = false;
  #timer = 0;
  #asked = new AbortController();

  /** Suggest for `typed`, soon. */
  ask(typed: string, rest = REST_MS): void {
    clearTimeout(this.#timer);
    this.#asked.abort();
    if (!typed.trim()) {
      this.close();
      return;
    }
    this.#timer = window.setTimeout(() => void this.#ask(typed), rest);
  }

  move(step: 1 | -1): void {
    const places = this.suggestions.length + 1; // the line as typed is one of them
    this.active = ((this.active + 1 + step + places) % places) - 1;
    this.changed();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#asked.abort();
    if (!this.open && this.suggestions.length === 0) return;
    this.open = false;
    this.suggestions = [];
    this.active = -1;
    this.changed();
  }

  async #ask(typed: string): Promise<void> {
    const asked = new AbortController();
    this.#asked = asked;
    try {
      const { suggestions } = await complete(typed, SHOWN, asked.signal);
      if (asked.signal.aborted) return;
      this.suggestions = suggestions.filter(({ query }) => query !== typed.trim());
    } catch {
      if (asked.signal.aborted) return;
      this.suggestions = []; // typing goes on without; what is wrong is told when the search is made
    }
    this.typed = typed;
    this.active = -1;
    this.open = this.suggestions.length > 0;
    this.changed();
  }
}

export const completing = new Completing();
