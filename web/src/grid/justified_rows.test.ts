import { describe, expect, test } from "vitest";
import { neighbour } from "./arrow_keys";
import { aspectOf, JustifiedRows } from "./justified_rows";

/** Photos of many shapes, the same in every run. */
function photos(n: number): { width: number; height: number }[] {
  const shapes = [
    [3000, 2000],
    [2000, 3000],
    [1000, 1000],
    [9000, 1500],
    [1600, 900],
    [0, 0],
    [300, 4000],
  ] as const;
  return Array.from({ length: n }, (_, i) => {
    const [width, height] = shapes[(i * 31 + Math.floor(i / 5)) % shapes.length] ?? [1, 1];
    return { width, height };
  });
}

const OPTIONS = { width: 1200, rowHeight: 220, gap: 8 };

function laidOut(n: number, page: number, options = OPTIONS): JustifiedRows {
  const rows = new JustifiedRows(options);
  const all = photos(n);
  for (let end = page; end < n; end += page) rows.extend(all.slice(0, end), false);
  rows.extend(all, true);
  return rows;
}

describe("rows", () => {
  test("hold every photo once, in order, one row under the other", () => {
    const { rows, boxes } = laidOut(537, 100);
    expect(boxes).toHaveLength(537);
    expect(rows[0]?.first).toBe(0);
    expect(rows.at(-1)?.end).toBe(537);
    for (const [i, row] of rows.entries()) {
      const next = rows[i + 1];
      if (!next) continue;
      expect(next.first).toBe(row.end);
      expect(next.top).toBeCloseTo(row.top + row.height + OPTIONS.gap, 6);
    }
  });

  test("fill the width, except for the last", () => {
    const { rows, boxes } = laidOut(200, 200);
    for (const row of rows.slice(0, -1)) {
      const last = boxes[row.end - 1];
      expect((last?.left ?? 0) + (last?.width ?? 0)).toBeCloseTo(OPTIONS.width, 3);
    }
  });

  test.each([1, 7, 100, 250])("are the same however many photos come at a time (%i)", (page) => {
    const whole = laidOut(250, 250);
    const grown = laidOut(250, page);
    expect(grown.rows.length).toBe(whole.rows.length);
    expect(grown.height).toBeCloseTo(whole.height, 6);
    expect(grown.boxes.map(({ left }) => Math.round(left))).toEqual(whole.boxes.map(({ left }) => Math.round(left)));
  });

  test("hold back an unfinished row until the list has ended", () => {
    const rows = new JustifiedRows(OPTIONS);
    const few = photos(1);
    rows.extend(few, false);
    expect(rows.boxes).toHaveLength(0);
    rows.extend(few, true);
    expect(rows.boxes).toHaveLength(1);
  });

  test("go on where a list grows after its end", () => {
    const all = photos(90);
    const rows = new JustifiedRows(OPTIONS);
    for (const n of [1, 2, 30, 31, 90]) {
      rows.extend(all.slice(0, n), true);
      const whole = laidOut(n, n);
      expect(rows.rows.map(({ end }) => end)).toEqual(whole.rows.map(({ end }) => end));
      expect(rows.height).toBeCloseTo(whole.height, 6);
    }
  });

  test("of a narrow screen are no wider than it", () => {
    const { boxes } = laidOut(100, 100, { width: 320, rowHeight: 150, gap: 4 });
    for (const { left, width } of boxes) expect(left + width).toBeLessThanOrEqual(320.01);
  });
});

describe("the window", () => {
  const rows = laidOut(2000, 100);

  test("draws the rows it touches and no others", () => {
    const [first, end] = rows.between(5000, 6000);
    for (const [i, row] of rows.rows.entries()) {
      expect(i >= first && i < end).toBe(row.top + row.height > 5000 && row.top < 6000);
    }
  });

  test("above and below the photos draws nothing", () => {
    expect(rows.between(-500, -1)).toEqual([0, 0]);
    const past = rows.between(rows.height + 1, rows.height + 900);
    expect(past[1] - past[0]).toBe(0);
  });

  test("finds the row of any photo", () => {
    for (const index of [0, 1, 999, 1999]) {
      const row = rows.rows[rows.rowOf(index)];
      expect(row && row.first <= index && index < row.end).toBe(true);
    }
    expect(rows.rowOf(2000)).toBe(-1);
    expect(rows.rowOf(-1)).toBe(-1);
  });
});

describe("arrow keys", () => {
  const rows = laidOut(60, 60);

  test("go along the photos and stop at both ends", () => {
    expect(neighbour(rows, 4, "ArrowRight")).toBe(5);
    expect(neighbour(rows, 4, "ArrowLeft")).toBe(3);
    expect(neighbour(rows, 0, "ArrowLeft")).toBe(-1);
    expect(neighbour(rows, 59, "ArrowRight")).toBe(-1);
  });

  test("go up and down by one row", () => {
    const below = neighbour(rows, 0, "ArrowDown");
    expect(rows.rowOf(below)).toBe(1);
    expect(rows.rowOf(neighbour(rows, below, "ArrowUp"))).toBe(0);
    expect(neighbour(rows, 0, "ArrowUp")).toBe(-1);
  });

  test("leave other keys alone", () => {
    expect(neighbour(rows, 4, "Enter")).toBe(-1);
  });
});

test("a photo of unknown size is a square, and no shape eats a row", () => {
  expect(aspectOf({ width: 0, height: 0 })).toBe(1);
  expect(aspectOf({ width: 10_000, height: 100 })).toBeLessThan(4);
  expect(aspectOf({ width: 100, height: 10_000 })).toBeGreaterThan(0.3);
});
