/** Where photos will be: two quiet rows of empty frames, in shapes that photos have. */
const SHAPES = [1.5, 0.75, 1.5, 1.33, 0.67, 1.78, 1, 1.5, 1.33, 0.75, 1.5, 1.5, 0.8, 1.4, 1.33, 1];

export function SkeletonRows({
  width,
  rowHeight,
  gap,
  below,
}: {
  width: number;
  rowHeight: number;
  gap: number;
  /** Rows of photos stand above. */
  below: boolean;
}) {
  const perRow = Math.max(2, Math.round(width / (rowHeight * 1.25)));
  const rows = [0, 1, 2].map((row) =>
    Array.from({ length: perRow }, (_, i) => SHAPES[(row * 5 + i) % SHAPES.length] ?? 1),
  );
  return (
    <div class="skeleton" aria-hidden="true" style={{ gap: `${gap}px`, paddingTop: below ? `${gap}px` : "0" }}>
      {(below ? rows.slice(0, 1) : rows).map((shapes, row) => (
        <div key={row} class="skeleton-row" style={{ gap: `${gap}px`, height: `${rowHeight}px` }}>
          {shapes.map((shape, i) => (
            <div key={i} class="skeleton-photo" style={{ flexGrow: shape }} />
          ))}
        </div>
      ))}
    </div>
  );
}
