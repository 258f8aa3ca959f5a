/** Heat as colour: what speaks for the likeness is warm, what speaks against it blue, what says little is clear. */

const FOR = [255, 138, 0] as const;
const AGAINST = [38, 110, 255] as const;
const DENSEST = 0.82;

/**
 * One cell as red, green, blue and opacity, 0 to 255.
 *
 * @param strongest the largest size of any cell of both photos, so that both have one scale.
 */
export function heatColour(value: number, strongest: number): [number, number, number, number] {
  const size = Math.min(Math.abs(value) / strongest, 1);
  const [red, green, blue] = value < 0 ? AGAINST : FOR;
  return [red, green, blue, Math.round(255 * DENSEST * size ** 0.8)];
}

/** A map of cells as pixels, row by row. */
export function heatPixels(rows: number[][], strongest: number): Uint8ClampedArray<ArrayBuffer> {
  return Uint8ClampedArray.from(rows.flatMap((row) => row.flatMap((value) => heatColour(value, strongest))));
}
