/**
 * State outside components that components follow: what changes calls `changed()`, `useChanges` draws again.
 * The page has four such things (place, photo list, server, upload); a state library would be longer than this.
 */
import { useEffect, useReducer } from "preact/hooks";

export class Observable {
  /** Changes so far. */
  version = 0;
  readonly #listeners = new Set<() => void>();

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  protected changed(): void {
    this.version += 1;
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Draw the calling component again whenever `source` changes. */
export function useChanges<T extends Observable>(source: T): T {
  const [, redraw] = useReducer((count: number, _: undefined) => count + 1, 0);
  const drawn = source.version;
  useEffect(() => {
    if (source.version !== drawn) redraw(undefined); // between the first drawing and this subscription
    return source.subscribe(() => redraw(undefined));
  }, [source]);
  return source;
}
