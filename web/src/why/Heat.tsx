/** The heat of a photo, a pixel for each cell, drawn large and soft over the part that the network saw. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { heatPixels } from "./heat_colours";

interface HeatProps {
  rows: number[][];
  box: [number, number, number, number];
  strongest: number;
  shown: boolean;
}

const percent = (share: number) => `${share * 100}%`;

export function Heat({ rows, box, strongest, shown }: HeatProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = rows[0]?.length ?? 0;
  useLayoutEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (context && width > 0) context.putImageData(new ImageData(heatPixels(rows, strongest), width), 0, 0);
  }, [rows, strongest, width]);
  const [left, top, right, bottom] = box;
  return (
    <div
      class="heat"
      data-shown={shown}
      aria-hidden="true"
      style={{ left: percent(left), top: percent(top), width: percent(right - left), height: percent(bottom - top) }}
    >
      <canvas ref={canvas} width={width} height={rows.length} />
    </div>
  );
}
