import { expect, test } from "vitest";
import { heatColour, heatPixels } from "./heat_colours";

test("what says nothing is clear, and the strongest of both photos densest", () => {
  expect(heatColour(0, 2)[3]).toBe(0);
  expect(heatColour(2, 2)[3]).toBeGreaterThan(heatColour(1, 2)[3]);
  expect(heatColour(5, 2)).toEqual(heatColour(2, 2));
});

test("for and against have different colours and the same density", () => {
  const [warm, cold] = [heatColour(1, 2), heatColour(-1, 2)];
  expect(warm[0]).toBeGreaterThan(warm[2]);
  expect(cold[2]).toBeGreaterThan(cold[0]);
  expect(warm[3]).toBe(cold[3]);
});

test("a map is four bytes a cell, row by row", () => {
  const pixels = heatPixels(
    [
      [1, 0],
      [0, -1],
      [0, 0],
    ],
    1,
  );
  expect(pixels.length).toBe(4 * 6);
  expect([...pixels.slice(0, 4)]).toEqual(heatColour(1, 1));
  expect([...pixels.slice(12, 16)]).toEqual(heatColour(-1, 1));
});
