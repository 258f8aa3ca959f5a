/** A query as it was understood: one chip for each item, which a click takes out of the search. */
import { type QueryItem, thumbnailAddress } from "../api";
import { CloseIcon } from "../icons";
import { covering } from "../nsfw/covering";
import { useChanges } from "../observable";
import { knownPhoto } from "../photos/photo_list";
import { queryHref } from "../url";
import { labelOf, weightLabel, without } from "./query_text";

/** A single word or phrase needs no echo: the heading says it already. */
export const needsChips = (items: QueryItem[]) =>
  items.length > 1 || items.some(({ kind, weight }) => (kind !== "word" && kind !== "phrase") || weight !== 1);

export function QueryChips({ items }: { items: QueryItem[] }) {
  return (
    <ul class="chips" aria-label="What is searched for">
      {items.map((item, index) => (
        <Chip key={`${index} ${item.text}`} item={item} items={items} />
      ))}
    </ul>
  );
}

function Chip({ item, items }: { item: QueryItem; items: QueryItem[] }) {
  useChanges(covering);
  const label = labelOf(item);
  const weight = weightLabel(item.weight);
  const rest = without(items, item);
  const photo = item.kind === "photo" ? Number(/photo:(\d+)/.exec(item.text)?.[1]) || null : null;
  const known = photo === null ? null : knownPhoto(photo);
  return (
    <li class={`chip ${(item.weight ?? 1) < 0 ? "unwanted" : ""}`} title={item.text}>
      {item.hex && <span class="dot" style={{ background: item.hex }} />}
      {photo !== null && !(known && covering.covers(known)) && <img src={thumbnailAddress(photo)} alt="" />}
      <span>
        {weight && <span class="chip-weight">{weight} </span>}
        {label}
      </span>
      <a
        class="chip-remove"
        href={rest ? queryHref(rest) : "/"}
        aria-label={`Search without ${weight && `${weight} `}${label}`}
        title="Take out of the search"
      >
        <CloseIcon />
      </a>
    </li>
  );
}
