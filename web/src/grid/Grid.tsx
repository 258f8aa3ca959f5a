/**
 * The justified grid of a list: draws only the rows near the window, asks for more photos before the end comes into
 * sight, keeps the photo being looked at in its place when the width changes.
 */
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { navigation } from "../navigation";
import { useChanges } from "../observable";
import type { PhotoList } from "../photos/photo_list";
import { moveFocus } from "./arrow_keys";
import { JustifiedRows } from "./justified_rows";
import { SkeletonRows } from "./SkeletonRows";
import { Tile } from "./Tile";

/** Rows are drawn this many window heights above and below the window. */
const OVERSCAN = 1;
/** More photos are asked for when the end is this many window heights away. */
const AHEAD = 2.5;

function rowHeightFor(width: number): number {
  if (width < 500) return 150;
  return width < 1000 ? 190 : Math.min(230 + (width - 1000) / 20, 300);
}

const gapFor = (width: number) => (width < 500 ? 4 : 8);

/** Width of an element, 0 until it is measured. */
function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const box = element.current;
    if (!box) return;
    const measure = () => setWidth(Math.floor(box.getBoundingClientRect().width));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(box);
    return () => observer.disconnect();
  }, [element]);
  return width;
}

/** The stretch of the page's grid to draw, as [top, bottom] in px from the grid's top; moves in steps, not with each px. */
function useWindow(element: RefObject<HTMLElement | null>): [number, number] {
  const [stretch, setStretch] = useState<[number, number]>([0, innerHeight * (1 + OVERSCAN)]);
  useLayoutEffect(() => {
    let frame = 0;
    const look = () => {
      frame = 0;
      const box = element.current;
      if (!box) return;
      const step = innerHeight / 4;
      const top = Math.floor(-box.getBoundingClientRect().top / step) * step;
      const next: [number, number] = [top - OVERSCAN * innerHeight, top + step + (1 + OVERSCAN) * innerHeight];
      setStretch((now) => (now[0] === next[0] && now[1] === next[1] ? now : next));
    };
    const lookSoon = () => {
      frame ||= requestAnimationFrame(look);
    };
    look();
    addEventListener("scroll", lookSoon, { passive: true });
    addEventListener("resize", lookSoon);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", lookSoon);
      removeEventListener("resize", lookSoon);
    };
  }, [element]);
  return stretch;
}

interface GridProps {
  list: PhotoList;
  /** The photo that the viewer shows, or null: the grid follows behind the viewer, and takes the focus back after it. */
  viewed: number | null;
}

export function Grid({ list, viewed }: GridProps) {
  useChanges(list);
  const element = useRef<HTMLDivElement>(null);
  const width = useWidth(element);
  const [top, bottom] = useWindow(element);
  const [focused, setFocused] = useState(-1);

  const rows = useMemo(
    () => new JustifiedRows({ width, rowHeight: rowHeightFor(width), gap: gapFor(width) }),
    [width, list],
  );
  if (width > 0) rows.extend(list.photos, list.complete);

  useKeptInPlace(element, rows);
  useRestoredScroll(element, list, rows);
  useFollowedViewer(element, list, rows, viewed);

  // Ask for more while the end of what is laid out is near.
  const short = width > 0 && rows.height < bottom + (AHEAD - OVERSCAN) * innerHeight;
  useEffect(() => {
    if (short && list.error === null) void list.more();
  });

  const [first, end] = rows.between(top, bottom);
  const drawn = rows.rows.slice(first, end);
  const focusedRow = rows.rowOf(focused);
  const held = rows.rows[focusedRow]; // stays drawn, so that the focus is not lost by scrolling
  if (held && focusedRow < first) drawn.unshift(held);
  else if (held && focusedRow >= end) drawn.push(held);
  const setSize = list.complete ? list.photos.length : (list.total ?? -1);

  return (
    <div ref={element} class="grid" aria-busy={list.loading}>
      <ul
        class="grid-photos"
        style={{ height: `${rows.height}px` }}
        onKeyDown={(event) => moveFocus(event, list, rows, setFocused)}
        onFocusIn={(event) => {
          const tile = (event.target as Element).closest<HTMLElement>("[data-photo]");
          setFocused(tile ? list.indexOf(Number(tile.dataset.photo)) : -1);
        }}
      >
        {drawn.flatMap((row) =>
          list.photos.slice(row.first, row.end).map((photo, i) => {
            const box = rows.boxes[row.first + i];
            return (
              box && (
                <Tile
                  key={photo.id}
                  photo={photo}
                  subject={list.subject}
                  row={row}
                  box={box}
                  position={row.first + i + 1}
                  setSize={setSize}
                />
              )
            );
          }),
        )}
      </ul>
      {!list.complete && list.error === null && width > 0 && (
        <SkeletonRows width={width} rowHeight={rowHeightFor(width)} gap={gapFor(width)} below={rows.height > 0} />
      )}
    </div>
  );
}

/** Top of the grid in the document, px. */
const topOf = (element: HTMLElement) => element.getBoundingClientRect().top + scrollY;

/** When the rows are laid out anew for another width, scroll so that the first row in full sight stays where it was. */
function useKeptInPlace(element: RefObject<HTMLElement | null>, rows: JustifiedRows): void {
  const before = useRef(rows);
  const scroll = useRef(scrollY); // as last seen: a page that became shorter has already cut the present one
  useEffect(() => {
    const look = () => {
      scroll.current = scrollY;
    };
    addEventListener("scroll", look, { passive: true });
    return () => removeEventListener("scroll", look);
  }, []);
  useLayoutEffect(() => {
    const old = before.current;
    before.current = rows;
    if (old === rows || old.options.width === 0 || !element.current || navigation.pendingScroll !== null) return;
    const top = topOf(element.current);
    const [touched] = old.between(scroll.current - top, Number.POSITIVE_INFINITY);
    const row = old.rows[touched + 1] ?? old.rows[touched];
    const now = row && rows.rows[rows.rowOf(row.first)];
    if (now && scroll.current > top) scrollTo({ top: scroll.current + now.top - row.top, behavior: "instant" });
  });
}

/** After Back or a reload: return to where the page was, loading as far as that needs, and to the link last used. */
function useRestoredScroll(element: RefObject<HTMLElement | null>, list: PhotoList, rows: JustifiedRows): void {
  useLayoutEffect(() => {
    const wanted = navigation.scrollWanted;
    if (wanted === null || !element.current || rows.options.width === 0) return;
    const reach = topOf(element.current) + rows.height - innerHeight;
    if (wanted > 0 && reach < wanted && !list.complete && list.error === null) {
      void list.more();
      return;
    }
    scrollTo({ top: wanted, behavior: "instant" });
    navigation.pendingScroll = null;
  });
  useEffect(() => {
    const id = navigation.pendingFocus;
    if (id === null || navigation.pendingScroll !== null) return;
    const link = element.current?.querySelector<HTMLElement>(`[data-photo="${id}"] .pivot`);
    if (!link) return;
    navigation.pendingFocus = null;
    link.focus({ preventScroll: true });
  });
}

/** Keep the photo that the viewer shows in sight, so that closing the viewer ends at its place in the grid. */
function useFollowedViewer(
  element: RefObject<HTMLElement | null>,
  list: PhotoList,
  rows: JustifiedRows,
  viewed: number | null,
): void {
  const before = useRef<number | null>(null);
  useEffect(() => {
    const last = before.current;
    before.current = viewed;
    if (viewed === null && last !== null) {
      document.querySelector<HTMLElement>(`[data-photo="${last}"] a`)?.focus({ preventScroll: true });
    }
    const row = viewed !== null && viewed !== last ? rows.rows[rows.rowOf(list.indexOf(viewed))] : undefined;
    if (!row || !element.current) return;
    const top = topOf(element.current) + row.top;
    if (top < scrollY + innerHeight * 0.1 || top + row.height > scrollY + innerHeight) {
      scrollTo({ top: top - (innerHeight - row.height) / 2, behavior: "instant" });
    }
  });
}
