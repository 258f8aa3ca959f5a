/** Under a photo's tags where they can be changed: a field for another, what is suggested, and the way back. */
import { useEffect, useRef, useState } from "preact/hooks";
import { getTags } from "../api";
import { CheckIcon, CloseIcon } from "../icons";
import { useChanges } from "../observable";
import { formatShare } from "./measures";
import { tagEditing } from "./tag_editing";

const REST_MS = 150;

export function TagEditor({ photo }: { photo: number }) {
  const { suggestions, done, error, busy } = useChanges(tagEditing);
  const undo = useRef<HTMLButtonElement>(null);
  useEffect(() => tagEditing.follow(photo), [photo]);
  // The button that was used may have gone with its tag, and the focus with it.
  useEffect(() => {
    if (done && document.activeElement === document.body) undo.current?.focus();
  }, [done]);
  return (
    <div class="tag-editor" aria-busy={busy}>
      <TagField key={photo} />
      {suggestions.length > 0 && (
        <>
          <p class="tag-note" id="suggested-tags">
            Suggested, from how you tag
          </p>
          <ul class="keywords" aria-labelledby="suggested-tags">
            {suggestions.map(({ tag, raw, score }) => (
              <li key={tag} class="suggested">
                <button type="button" class="suggested-accept" onClick={() => void tagEditing.accept(raw)}>
                  <CheckIcon />
                  <span>
                    <span class="visually-hidden">Add the suggested tag </span>
                    {raw}
                  </span>
                  <span class="meter-figure">{formatShare(score)}</span>
                </button>
                <button
                  type="button"
                  class="tag-remove"
                  onClick={() => void tagEditing.reject(raw)}
                  aria-label={`Never suggest ${raw} here`}
                  title="Never suggest it here"
                >
                  <CloseIcon />
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
      <p class="tag-note" role="status">
        {done && (
          <>
            {done.undone ? "Taken back: " : ""}
            {done.text}{" "}
            <button ref={undo} type="button" class="text-button" onClick={() => void tagEditing.undo()}>
              {done.undone ? "Redo" : "Undo"}
            </button>
          </>
        )}
      </p>
      {error !== null && (
        <p class="facts-missing" role="alert">
          {error}
        </p>
      )}
    </div>
  );
}

/** The tags of the collection that begin with what is typed are offered, so that one thing gets one tag. */
function TagField() {
  const [typed, setTyped] = useState("");
  const [known, setKnown] = useState<string[]>([]);
  const timer = useRef(0);

  const offer = (prefix: string) => {
    clearTimeout(timer.current);
    if (!prefix.trim()) return;
    timer.current = window.setTimeout(() => {
      getTags(prefix, 8)
        .then(({ tags }) => setKnown(tags.map(({ raw }) => raw)))
        .catch(() => setKnown([]));
    }, REST_MS);
  };

  return (
    <form
      class="tag-field"
      onSubmit={(event) => {
        event.preventDefault();
        const tag = typed.trim();
        if (!tag) return;
        setTyped("");
        void tagEditing.add(tag);
      }}
    >
      <input
        type="text"
        value={typed}
        list="known-tags"
        placeholder="Add a tag"
        aria-label="Add a tag"
        maxLength={500}
        autocomplete="off"
        autocapitalize="off"
        enterkeyhint="done"
        onInput={(event) => {
          setTyped(event.currentTarget.value);
          offer(event.currentTarget.value);
        }}
        onKeyDown={(event) => {
          event.stopPropagation(); // the viewer's keys are letters and arrows
          if (event.key === "Escape") event.currentTarget.blur();
        }}
      />
      <datalist id="known-tags">
        {known.map((tag) => (
          <option key={tag} value={tag} />
        ))}
      </datalist>
    </form>
  );
}
