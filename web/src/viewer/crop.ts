/** A part of a picture as a background that fills its element. */

export type Box = [left: number, top: number, right: number, bottom: number];

/** A box `times` as wide and high around the same middle, moved to lie within the picture. */
export function around([left, top, right, bottom]: Box, times: number): Box {
  const grow = (from: number, to: number): [number, number] => {
    const size = Math.min((to - from) * times, 1);
    const start = Math.min(Math.max((from + to - size) / 2, 0), 1 - size);
    return [start, start + size];
  };
  const [x0, x1] = grow(left, right);
  const [y0, y1] = grow(top, bottom);
  return [x0, y0, x1, y1];
}

/** CSS that shows that part of the picture at an address. */
export function cropStyle(address: string, [left, top, right, bottom]: Box): Record<string, string> {
  const [width, height] = [right - left, bottom - top];
  const place = (start: number, size: number) => (size < 1 ? (100 * start) / (1 - size) : 0);
  return {
    backgroundImage: `url("${address}")`,
    backgroundSize: `${100 / width}% ${100 / height}%`,
    backgroundPosition: `${place(left, width)}% ${place(top, height)}%`,
  };
}
