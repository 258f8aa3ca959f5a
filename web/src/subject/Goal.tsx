/** The head of similar photos: the photo that they are similar to, calm and large. */
import { type Photo, thumbnailUrl } from "../api";
import { formatPixels, formatTakenAt, titleOf } from "../format";
import { Thumbnail } from "../grid/Thumbnail";
import { Covered } from "../nsfw/Covered";
import { covering } from "../nsfw/covering";
import { useChanges } from "../observable";
import { hrefOf, type Subject, similarHref } from "../url";
import { SubjectTitle } from "./SubjectTitle";

/** The goal photo's own colours, far out of focus, as the ground that it stands on. */
function Air({ src }: { src: string }) {
  return <img class="goal-air" src={src} alt="" />;
}

export function PhotoGoal({ photo, subject }: { photo: Photo; subject: Subject }) {
  const { width, height } = photo;
  const covered = useChanges(covering).covers(photo);
  const shape = { "--aspect": String(width > 0 && height > 0 ? width / height : 1.5) };
  const thumbnail = thumbnailUrl(photo);
  const about = [photo.taken_at && formatTakenAt(photo.taken_at), formatPixels(width, height)];
  return (
    <section class="goal" data-photo={photo.id}>
      <Air src={thumbnail} />
      {covered ? (
        <div class="goal-photo" style={shape}>
          <Covered photo={photo}>
            <Thumbnail key={photo.id} src={thumbnail} alt="" />
          </Covered>
        </div>
      ) : (
        <a class="goal-photo" style={shape} href={hrefOf({ subject, photo: photo.id })} draggable={false}>
          <Thumbnail key={photo.id} src={thumbnail} alt={`Open ${titleOf(photo)}`} />
        </a>
      )}
      <div class="goal-text">
        <SubjectTitle before="Similar to" name={titleOf(photo)} key={photo.id} />
        <p class="quiet">{about.filter(Boolean).join(" · ")}</p>
      </div>
    </section>
  );
}

interface UploadGoalProps {
  thumbnail: string;
  /** The collection's photo with the same content, where there is one. */
  same: Photo | null;
}

export function UploadGoal({ thumbnail, same }: UploadGoalProps) {
  return (
    <section class="goal">
      <Air src={thumbnail} />
      <div class="goal-photo natural">
        <Thumbnail key={thumbnail} src={thumbnail} alt="The photo searched with" />
      </div>
      <div class="goal-text">
        <SubjectTitle before="Similar to" name="your photo" key={thumbnail} />
        {same ? (
          <p class="quiet">
            It is in the collection: <a href={similarHref(same.id)}>{titleOf(same)}</a>
          </p>
        ) : (
          <p class="quiet">Held in the server’s memory for this search only, not added to the collection.</p>
        )}
      </div>
    </section>
  );
}
