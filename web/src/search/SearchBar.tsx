/** The search bar: words, or a photo chosen from disk; shows what the page is searching with. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Suggestion } from "../api";
import { CameraIcon, CloseIcon, SearchIcon } from "../icons";
import { navigation } from "../navigation";
import { useChanges } from "../observable";
import { server } from "../server/server";
import { EVERYTHING, type Subject } from "../url";
import { completing } from "./completing";
import { QueryHelp } from "./QueryHelp";
import { isBeginning } from "./query_text";
import { LIST_ID, optionId, SuggestionList } from "./SuggestionList";
import { uploading } from "./upload";

/** Opens the system's file dialog. */
export function choosePhoto(): void {
  document.getElementById("photo-file")?.click();
}

/** Put the cursor on a stretch of the line that was asked, so that it can be mended. */
export function editSearch(start: number, end: number): void {
  const field = document.getElementById("search-field") as HTMLInputElement | null;
  field?.focus();
  field?.setSelectionRange(start, end);
}

interface SearchBarProps {
  subject: Subject;
  /** Address of the goal photo's thumbnail, where the search has one. */
  goal: string | null;
}

export function SearchBar({ subject, goal }: SearchBarProps) {
  const asked = subject.kind === "words" ? subject.words : "";
  const [words, setWords] = useState(asked);
  const { status } = useChanges(server);
  const { open, active, suggestions } = useChanges(completing);
  const field = useRef<HTMLInputElement>(null);
  // Before the first paint: whoever types at once is neither overwritten nor unheard.
  useLayoutEffect(() => {
    setWords(asked);
    completing.close();
  }, [asked, subject.kind]);
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const typing = (event.target as Element).closest?.("input, textarea, dialog, .pswp");
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      field.current?.focus();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);

  const search = (line: string) => {
    completing.close();
    const asked = line.trim();
    if (asked) navigation.go({ subject: { kind: "words", words: asked }, photo: null });
  };

  /** Put a suggestion into the line; `go`: and search, where there is something to search for. */
  const take = ({ query }: Suggestion, go: boolean) => {
    const beginning = isBeginning(query);
    const line = beginning ? query : `${query} `;
    setWords(line);
    if (go && !beginning) search(query);
    else completing.ask(beginning ? line : "", 0);
    field.current?.focus();
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    const chosen = open ? suggestions[active] : undefined;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (open) completing.move(event.key === "ArrowDown" ? 1 : -1);
      else completing.ask(words, 0);
    } else if (event.key === "Escape" && open) {
      event.preventDefault(); // which would empty the field
      completing.close();
    } else if (event.key === "Enter" && chosen) {
      event.preventDefault();
      take(chosen, true);
    } else if (event.key === "Tab" && chosen && !event.shiftKey) {
      event.preventDefault();
      take(chosen, false);
    }
  };

  const clear = () => {
    setWords("");
    navigation.go(EVERYTHING);
    field.current?.focus();
  };

  return (
    <search>
      <form
        class="search-bar"
        onSubmit={(event) => {
          event.preventDefault();
          search(words);
        }}
      >
        <button type="submit" class="icon-button" aria-label="Search">
          <SearchIcon />
        </button>
        {goal && (
          <img key={goal} class="search-goal" src={goal} alt="" onError={(event) => event.currentTarget.remove()} />
        )}
        <input
          ref={field}
          id="search-field"
          type="text"
          inputMode="search"
          role="combobox"
          aria-autocomplete="list"
          aria-expanded={open}
          aria-controls={LIST_ID}
          aria-activedescendant={open && active >= 0 ? optionId(active) : undefined}
          class="search-field"
          name="words"
          dir="auto"
          value={words}
          onInput={(event) => {
            setWords(event.currentTarget.value);
            completing.ask(event.currentTarget.value);
          }}
          onKeyDown={onKeyDown}
          onBlur={() => completing.close()}
          placeholder={
            subject.kind === "similar" || subject.kind === "upload"
              ? "Similar photos"
              : "Search by words, or drop a photo"
          }
          aria-label="Search by words"
          title={status ? `Words are looked for by: ${status.word_search}` : undefined}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          maxLength={1000}
          enterkeyhint="search"
        />
        {(words || subject.kind !== "all") && (
          <button type="button" class="icon-button" onClick={clear} aria-label="Clear the search" title="Clear">
            <CloseIcon />
          </button>
        )}
        <QueryHelp />
        <button
          type="button"
          class="icon-button"
          onClick={choosePhoto}
          aria-label="Search with a photo"
          title="Search with a photo: choose, drop or paste one"
        >
          <CameraIcon />
        </button>
        <input
          id="photo-file"
          type="file"
          accept="image/*,.heic,.heif,.avif,.tif,.tiff,.dng,.cr2,.cr3,.nef,.arw,.orf,.rw2,.raf"
          hidden
          aria-label="Photo to search with"
          onChange={(event) => {
            const photo = event.currentTarget.files?.[0];
            if (photo) void uploading.search(photo);
            event.currentTarget.value = "";
          }}
        />
        <SuggestionList onTake={(suggestion) => take(suggestion, true)} />
      </form>
    </search>
  );
}
