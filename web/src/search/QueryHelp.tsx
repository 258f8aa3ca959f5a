/** What may be typed into the search field, with examples that a click searches for. */
import { useEffect, useRef, useState } from "preact/hooks";
import { getTags } from "../api";
import { CloseIcon, HelpIcon } from "../icons";
import { navigation } from "../navigation";
import { useChanges } from "../observable";
import { queryHref } from "../url";
import { EXAMPLES } from "./examples";
import { tagQuery } from "./query_text";

export function QueryHelp() {
  const { place } = useChanges(navigation);
  const dialog = useRef<HTMLDialogElement>(null);
  const [tag, setTag] = useState("#beach");
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (!shown) return;
    getTags("", 1)
      .then(({ tags: [first] }) => first && setTag(tagQuery(first.raw)))
      .catch(() => {}); // the example stays what it is
  }, [shown]);
  useEffect(() => dialog.current?.close(), [place]); // Back leads away from it
  const open = () => {
    setShown(true);
    dialog.current?.showModal();
  };
  const close = () => dialog.current?.close();

  return (
    <>
      <button
        type="button"
        class="icon-button"
        onClick={open}
        aria-label="What can be searched for"
        aria-haspopup="dialog"
        title="What can be searched for"
      >
        <HelpIcon />
      </button>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: a click beside the dialog closes it, as Escape does */}
      <dialog
        ref={dialog}
        class="dialog help"
        aria-labelledby="help-title"
        onClick={(event) => event.target === dialog.current && close()}
      >
        <div class="dialog-head">
          <h2 id="help-title">What can be searched for</h2>
          <button type="button" class="icon-button" onClick={close} aria-label="Close">
            <CloseIcon />
          </button>
        </div>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
        <div class="dialog-body" tabIndex={0}>
          <p class="quiet">
            Any words will do. More can be said in the same line; each example is a search of its own. Arrow keys and
            Tab take what is suggested while you type.
          </p>
          {EXAMPLES.map(({ title, examples }) => (
            <section key={title}>
              <h3>{title}</h3>
              <dl class="examples">
                {examples.map(({ query, means }) => {
                  const words = query.replace("#TAG", tag);
                  return (
                    <div key={query}>
                      <dt>
                        <a href={queryHref(words)} onClick={close}>
                          <code>{words}</code>
                        </a>
                      </dt>
                      <dd>{means}</dd>
                    </div>
                  );
                })}
              </dl>
            </section>
          ))}
        </div>
      </dialog>
    </>
  );
}
