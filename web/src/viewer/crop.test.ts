import { expect, test } from "vitest";
import { around, cropStyle } from "./crop";

test("a part grows around its middle and stays within the picture", () => {
  expect(around([0.4, 0.4, 0.6, 0.5], 2).map((x) => Number(x.toFixed(6)))).toEqual([0.3, 0.35, 0.7, 0.55]);
  expect(around([0, 0.9, 0.1, 1], 3).map((x) => Number(x.toFixed(6)))).toEqual([0, 0.7, 0.3, 1]);
  expect(around([0.2, 0.2, 0.8, 0.8], 3)).toEqual([0, 0, 1, 1]);
});

test("a part is shown by a background of its inverse size", () => {
  const style = cropStyle("/x", [0.5, 0, 0.75, 1]);
  expect(style.backgroundSize).toBe("400% 100%");
  expect(style.backgroundPosition).toBe(`${50 / 0.75}% 0%`);
});
