/**
 * Rows of photos of equal height that fill the width, by Flickr's justified-layout, in steps: a list that grows page by
 * page is laid out page by page, so that 100,000 photos cost 100,000 placements in all and those on screen never move.
 *
 * The last row is held back until it is full or the list has ended: it would change with the next page.
 */
import justifiedLayout from "justified-layout";

export interface Box {
  left: number;
  width: number;
}

export interface Row {
  top: number;
  height: number;
  /** Indices of its photos: `first` up to, not including, `end`. */
  first: number;
  end: number;
}

export interface RowsOptions {
  width: number;
  rowHeight: number;
  gap: number;
}

/** Panoramas and tall scrolls are cropped to these in the grid, so that no photo eats a row or becomes a thread. */
const NARROWEST = 0.45;
const WIDEST = 3.2;

/** Width over height as the grid shows it; a square where the size is unknown. */
export function aspectOf({ width, height }: { width: number; height: number }): number {
  return width > 0 && height > 0 ? Math.min(Math.max(width / height, NARROWEST), WIDEST) : 1;
}

export class JustifiedRows {
  readonly boxes: Box[] = [];
  readonly rows: Row[] = [];
  height = 0;
  #ended = false;

  constructor(readonly options: RowsOptions) {}

  /** Lay out the photos from where the last call stopped. `ended`: no more will come. */
  extend(photos: readonly { width: number; height: number }[], ended: boolean): void {
    if (this.boxes.length === photos.length) return;
    if (this.#ended) this.#dropLastRow(); // the list has grown after its end: that row may have room
    this.#ended = ended;
    const placed = this.boxes.length;
    const { width, rowHeight, gap } = this.options;
    // The last row is laid out again, to the same effect: an unfinished row at the end takes its height from it.
    const { first, top } = this.rows.at(-1) ?? { first: 0, top: 0 };
    const layout = justifiedLayout(photos.slice(first).map(aspectOf), {
      containerWidth: width,
      containerPadding: 0,
      boxSpacing: gap,
      targetRowHeight: rowHeight,
      targetRowHeightTolerance: 0.25,
    });
    const end = first + layout.boxes.length - (ended ? 0 : layout.widowCount);
    for (let i = placed; i < end; i++) {
      const box = layout.boxes[i - first];
      if (!box) break;
      this.#place(i, { ...box, top: top + box.top });
    }
  }

  #dropLastRow(): void {
    this.boxes.length = this.rows.pop()?.first ?? 0;
    const last = this.rows.at(-1);
    this.height = last ? last.top + last.height : 0;
  }

  #place(index: number, { left, top, width, height }: Box & { top: number; height: number }): void {
    const last = this.rows.at(-1);
    if (last?.top === top) last.end = index + 1;
    else this.rows.push({ top, height, first: index, end: index + 1 });
    this.boxes.push({ left, width });
    this.height = top + height;
  }

  /** Indices [first, end) of the rows that touch the stretch from `top` to `bottom`. */
  between(top: number, bottom: number): [number, number] {
    const first = this.#firstRow((row) => row.top + row.height > top);
    const end = this.#firstRow((row) => row.top >= bottom);
    return [first, Math.max(first, end)];
  }

  /** The row that holds photo `index`; -1: not laid out. */
  rowOf(index: number): number {
    return index >= 0 && index < this.boxes.length ? this.#firstRow((row) => row.end > index) : -1;
  }

  /** Index of the first row with `holds`, which is false for a start of the rows and true for the rest. */
  #firstRow(holds: (row: Row) => boolean): number {
    let low = 0;
    let high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const row = this.rows[middle];
      if (row && holds(row)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
