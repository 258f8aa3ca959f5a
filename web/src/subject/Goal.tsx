/** The head of similar photos: the photo that they are similar to, calm and large. */
import { type Photo, thumbnailUrl } from "../api";
import { formatPixels, formatTakenAt, titleOf } from "../format";
import { Thumbnail } from "../grid/Tile";
import { hrefOf, type Subject } from "../url";
import { SubjectTitle } from "./SubjectTitle";

/** Height over which the goal photo's frame is never drawn, in px; its width follows. */
const TALLEST_PX = 320;

function frameOf(width: number, height: number): { aspectRatio: string; maxWidth: string } {
  const aspect = width > 0 && height > 0 ? width / height : 1.5;
  return { aspectRatio: String(aspect), maxWidth: `min(100%, ${Math.round(TALLEST_PX * aspect)}px)` };
}

export function PhotoGoal({ photo, subject }: { photo: Photo; subject: Subject }) {
  const about = [photo.taken_at && formatTakenAt(photo.taken_at), formatPixels(photo.width, photo.height)];
  return (
    <section class="goal" data-photo={photo.id}>
      <a
        class="goal-photo"
        style={frameOf(photo.width, photo.height)}
        href={hrefOf({ subject, photo: photo.id })}
        draggable={false}
      >
        <Thumbnail key={photo.id} src={thumbnailUrl(photo.id)} alt={`Open ${titleOf(photo)}`} />
      </a>
      <div class="goal-text">
        <SubjectTitle before="Similar to" key={photo.id}>
          {titleOf(photo)}
        </SubjectTitle>
        <p class="quiet">{about.filter(Boolean).join(" · ")}</p>
      </div>
    </section>
  );
}

export function UploadGoal({ thumbnail }: { thumbnail: string }) {
  return (
    <section class="goal">
      <div class="goal-photo natural">
        <Thumbnail key={thumbnail} src={thumbnail} alt="Your photo" />
      </div>
      <div class="goal-text">
        <SubjectTitle before="Similar to" key={thumbnail}>
          your photo
        </SubjectTitle>
        <p class="quiet">It is held in the server’s memory for these searches and is not added to the collection.</p>
      </div>
    </section>
  );
}
