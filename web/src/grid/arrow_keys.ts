/** Arrow keys in the grid: left and right along the photos, up and down to the nearest photo of the next row. */
import type { PhotoList } from "../photos/photo_list";
import type { JustifiedRows } from "./justified_rows";

/** Index of the photo that an arrow key leads to from photo `index`; -1: the key leads nowhere. */
export function neighbour(rows: JustifiedRows, index: number, key: string): number {
  if (key === "ArrowLeft") return index - 1;
  if (key === "ArrowRight") return index + 1 < rows.boxes.length ? index + 1 : -1;
  const at = rows.rowOf(index);
  const from = rows.boxes[index];
  const row = rows.rows[key === "ArrowUp" ? at - 1 : key === "ArrowDown" ? at + 1 : -1];
  if (at < 0 || !from || !row) return -1;
  const middle = from.left + from.width / 2;
  let best = -1;
  let distance = Number.POSITIVE_INFINITY;
  for (let i = row.first; i < row.end; i++) {
    const box = rows.boxes[i];
    const d = box ? Math.abs(box.left + box.width / 2 - middle) : Number.POSITIVE_INFINITY;
    if (d < distance) [best, distance] = [i, d];
  }
  return best;
}

/** Move the focus from link to link of the same kind; `hold` keeps the photo's row drawn while it scrolls into sight. */
export function moveFocus(
  event: KeyboardEvent & { currentTarget: HTMLElement },
  list: PhotoList,
  rows: JustifiedRows,
  hold: (index: number) => void,
): void {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = event.target as Element;
  const tile = link.closest<HTMLElement>("[data-photo]");
  const photo = tile && list.photos[neighbour(rows, list.indexOf(Number(tile.dataset.photo)), event.key)];
  if (!photo) return;
  event.preventDefault();
  hold(list.indexOf(photo.id));
  const grid = event.currentTarget;
  const kind = [".pivot", ".tile-why"].find((each) => link.matches(each)) ?? ":is(.tile-photo:not([tabindex]), .cover)";
  const neighbourLink = () => grid.querySelector<HTMLElement>(`[data-photo="${photo.id}"] ${kind}`);
  const drawn = neighbourLink(); // at once, so that the next key, however quick, starts from there
  if (drawn) drawn.focus();
  else requestAnimationFrame(() => neighbourLink()?.focus());
}
