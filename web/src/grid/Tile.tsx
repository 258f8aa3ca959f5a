/** One photo of the grid: a link to the viewer, and on it the "…" that pivots to similar photos. */
import { thumbnailUrl } from "../api";
import { formatScore, titleOf } from "../format";
import { DotsIcon } from "../icons";
import { Cover } from "../nsfw/Covered";
import { covering } from "../nsfw/covering";
import { useChanges } from "../observable";
import type { Listed } from "../photos/photo_list";
import { hrefOf, type Subject, similarHref, whyHref } from "../url";
import type { Box, Row } from "./justified_rows";
import { Thumbnail } from "./Thumbnail";

/** Width of a tile in which score and word of the link to why do not stand side by side. */
const NARROW_PX = 112;

interface TileProps {
  photo: Listed;
  subject: Subject;
  row: Row;
  box: Box;
  position: number;
  /** Photos in the list; -1: unknown yet. */
  setSize: number;
}

export function Tile({ photo, subject, row, box, position, setSize }: TileProps) {
  const title = titleOf(photo);
  // Words match or not; how well two photos look alike is a figure worth seeing.
  const score = subject.kind === "words" ? undefined : photo.score;
  const covered = useChanges(covering).covers(photo);
  return (
    <li
      class="tile"
      data-photo={photo.id}
      aria-posinset={position}
      aria-setsize={setSize}
      style={{
        transform: `translate(${box.left}px, ${row.top}px)`,
        width: `${box.width}px`,
        height: `${row.height}px`,
      }}
    >
      <a
        class="tile-photo"
        href={hrefOf({ subject, photo: photo.id })}
        draggable={false}
        data-covered={covered}
        tabIndex={covered ? -1 : undefined}
      >
        <Thumbnail src={thumbnailUrl(photo)} alt={title} />
        <span class="tile-caption" aria-hidden="true">
          <span class="tile-title" dir="auto">
            {title}
          </span>
          {score !== undefined && subject.kind !== "similar" && <span class="tile-score">{formatScore(score)}</span>}
        </span>
      </a>
      <a class="pivot" href={similarHref(photo.id)} aria-label={`Photos similar to ${title}`} title="Similar photos">
        <DotsIcon />
      </a>
      {score !== undefined && subject.kind === "similar" && (
        <a class="tile-why" href={whyHref(subject.id, photo.id)} title="Why they are alike">
          <span class={box.width < NARROW_PX ? "visually-hidden" : ""}>{formatScore(score)} </span>
          <span class="tile-why-word">why?</span>
          <span class="visually-hidden"> {title}</span>
        </a>
      )}
      {covered && <Cover photo={photo} />}
    </li>
  );
}
