/** The list under the search field: how the line may go on. */
import type { Suggestion } from "../api";
import { formatCount } from "../format";
import { useChanges } from "../observable";
import { completing } from "./completing";
import { addition } from "./query_text";

export const LIST_ID = "suggestions";
export const optionId = (index: number) => `suggestion-${index}`;

const KINDS: Record<Suggestion["kind"], string> = {
  tag: "tag",
  "machine tag": "machine tag",
  word: "word",
  query: "asked before",
  key: "search by",
};

/** What kind of suggestion it is; of a key's value the key itself says that. */
const nameOf = ({ kind, text }: Suggestion) =>
  kind === "key" && /:./.test(text) ? text.slice(0, text.indexOf(":")) : KINDS[kind];

export function SuggestionList({ onTake }: { onTake: (suggestion: Suggestion) => void }) {
  const { suggestions, typed, active, open } = useChanges(completing);
  return (
    <div id={LIST_ID} class="suggestions" role="listbox" aria-label="Suggestions" hidden={!open}>
      {suggestions.map((suggestion, index) => (
        <Option
          key={`${suggestion.kind} ${suggestion.query}`}
          index={index}
          suggestion={suggestion}
          typed={typed}
          active={index === active}
          onTake={onTake}
        />
      ))}
    </div>
  );
}

interface OptionProps {
  index: number;
  suggestion: Suggestion;
  typed: string;
  active: boolean;
  onTake: (suggestion: Suggestion) => void;
}

function Option({ index, suggestion, typed, active, onTake }: OptionProps) {
  const { kind, query, n, n_edits, hex } = suggestion;
  const [common, added] = addition(typed.trimStart(), query);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the focus, and hears the keys
    // biome-ignore lint/a11y/useFocusableInteractive: the field points to it by aria-activedescendant
    <div
      id={optionId(index)}
      class="suggestion"
      role="option"
      aria-selected={active}
      onMouseDown={(event) => event.preventDefault() /* the field keeps the focus */}
      onClick={() => onTake(suggestion)}
    >
      {hex !== null && <span class="dot" style={{ background: hex }} />}
      <span class="suggestion-text">
        {common}
        <b>{added}</b>
      </span>
      <span class="suggestion-kind">
        {n_edits > 0 && "similar "}
        {nameOf(suggestion)}
        {n > 0 && kind !== "query" && <span class="suggestion-count">{formatCount(n)}</span>}
      </span>
    </div>
  );
}
