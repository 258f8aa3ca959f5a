/** The search bar: words, or a photo chosen from disk; shows what the page is searching with. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { CameraIcon, CloseIcon, SearchIcon } from "../icons";
import { navigation } from "../navigation";
import { useChanges } from "../observable";
import { server } from "../server/server";
import { EVERYTHING, type Subject } from "../url";
import { uploading } from "./upload";

/** Opens the system's file dialog. */
export function choosePhoto(): void {
  document.getElementById("photo-file")?.click();
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
  const field = useRef<HTMLInputElement>(null);
  // Before the first paint: whoever types at once is neither overwritten nor unheard.
  useLayoutEffect(() => setWords(asked), [asked, subject.kind]);
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
          const asked = words.trim();
          if (asked) navigation.go({ subject: { kind: "words", words: asked }, photo: null });
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
          type="search"
          class="search-field"
          name="words"
          value={words}
          onInput={(event) => setWords(event.currentTarget.value)}
          placeholder={
            subject.kind === "similar" || subject.kind === "upload"
              ? "Similar photos"
              : "Search by words, or drop a photo"
          }
          aria-label="Search by words"
          title={status ? `Words are looked for by: ${status.word_search}` : undefined}
          autocomplete="off"
          maxLength={1000}
          enterkeyhint="search"
        />
        {(words || subject.kind !== "all") && (
          <button type="button" class="icon-button" onClick={clear} aria-label="Clear the search" title="Clear">
            <CloseIcon />
          </button>
        )}
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
      </form>
    </search>
  );
}
