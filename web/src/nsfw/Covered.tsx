/** A picture, or a cover over it with a button that takes the cover away. */
import type { ComponentChildren } from "preact";
import type { Photo } from "../api";
import { titleOf } from "../format";
import { EyeIcon } from "../icons";
import { useChanges } from "../observable";
import { covering } from "./covering";

export function Covered({ photo, children }: { photo: Photo; children: ComponentChildren }) {
  const covered = useChanges(covering).covers(photo);
  return (
    <div class="coverable" data-covered={covered}>
      {children}
      {covered && <Cover photo={photo} />}
    </div>
  );
}

export function Cover({ photo }: { photo: Photo }) {
  return (
    <button
      type="button"
      class="cover"
      onClick={(event) => {
        event.preventDefault();
        event.stopPropagation();
        covering.reveal(photo.id);
      }}
    >
      <span class="cover-text">
        <EyeIcon />
        <span>Possibly NSFW</span>
        <span>
          <span class="cover-show">Show</span>
          <span class="visually-hidden"> {titleOf(photo)}</span>
        </span>
      </span>
    </button>
  );
}

/** Whether such photos are covered at all. */
export function CoveringSwitch() {
  const { on } = useChanges(covering);
  return (
    <label class="switch quiet">
      <input type="checkbox" checked={on} onChange={(event) => covering.set(event.currentTarget.checked)} />
      Cover NSFW photos
    </label>
  );
}
