/** The files that could not be read, each with its reason. */
import { useEffect, useRef } from "preact/hooks";
import { type Failure, getFailures } from "../api";
import { CloseIcon } from "../icons";
import { navigation } from "../navigation";
import { Observable, useChanges } from "../observable";

class Failures extends Observable {
  shown = false;
  failures: Failure[] | null = null;
  error: string | null = null;

  async open(): Promise<void> {
    this.shown = true;
    this.failures = this.error = null;
    this.changed();
    try {
      this.failures = (await getFailures()).failures;
    } catch (error) {
      this.error = error instanceof Error ? error.message : String(error);
    }
    this.changed();
  }

  close(): void {
    this.shown = false;
    this.changed();
  }
}

export const failuresDialog = new Failures();

export function FailuresDialog() {
  const { shown, failures, error } = useChanges(failuresDialog);
  const { place } = useChanges(navigation);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (shown) dialog.current?.showModal();
    else dialog.current?.close();
  }, [shown]);
  useEffect(() => dialog.current?.close(), [place]); // Back leads away from it
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a click beside the dialog closes it, as Escape does
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby="failures-title"
      onClose={() => failuresDialog.close()}
      onClick={(event) => event.target === dialog.current && failuresDialog.close()}
    >
      <div class="dialog-head">
        <h2 id="failures-title">Files that could not be read</h2>
        <button type="button" class="icon-button" onClick={() => failuresDialog.close()} aria-label="Close">
          <CloseIcon />
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
      <div class="dialog-body" tabIndex={0}>
        {error !== null && <p>{error}</p>}
        {failures !== null && failures.length === 0 && <p>Every file could be read.</p>}
        {failures !== null && failures.length > 0 && (
          <ul class="failures">
            {failures.map(({ path, reason }) => (
              <li key={path}>
                <span class="failure-path">{path}</span>
                <span class="failure-reason">{reason}</span>
              </li>
            ))}
          </ul>
        )}
      </div>
    </dialog>
  );
}
