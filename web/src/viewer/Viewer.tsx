/**
 * The viewer: PhotoSwipe over the photos of a list, with the facts of the one shown beside it.
 *
 * The address says which photo is shown, so the viewer follows the address and the address follows the viewer; both
 * ends compare before they act. PhotoSwipe is loaded when it is first needed.
 */
import type PhotoSwipe from "photoswipe";
import { useEffect, useRef } from "preact/hooks";
import { getPhoto } from "../api";
import { navigation } from "../navigation";
import { useChanges } from "../observable";
import type { Listed, PhotoList } from "../photos/photo_list";
import { uploading } from "../search/upload";
import { openPhotoSwipe, type Slide, slideOf } from "./photoswipe";

/** The photos to leaf through: the goal photo first, then the list. */
function photosOf(list: PhotoList): Listed[] {
  const goal = list.query?.photo;
  return goal ? [goal, ...list.photos] : list.photos;
}

/** PhotoSwipe does not hear of closing while it is still opening. */
function close(viewer: PhotoSwipe): void {
  if (viewer.opener.isOpen) viewer.close();
  else viewer.on("openingAnimationEnd", () => viewer.close());
}

export function Viewer({ list, photo }: { list: PhotoList; photo: number }) {
  useChanges(list);
  const viewer = useRef<PhotoSwipe | null>(null);
  const slides = useRef<Slide[]>([]);
  const photos = photosOf(list);
  const settled = photos.length > 0 || list.complete || list.error !== null;

  // Open once it is known whether the list holds the photo; a photo from elsewhere is shown alone.
  // Not again when `photo` changes, which leafing does: that is the last effect's part.
  useEffect(() => {
    if (!settled) return;
    let closed = false;
    const open = async () => {
      const listed = photosOf(list);
      const shown = listed.some(({ id }) => id === photo) ? listed : [await getPhoto(photo)];
      slides.current = shown.map(slideOf);
      const opened = await openPhotoSwipe(slides.current, photo);
      if (closed) close(opened);
      else viewer.current = opened;
    };
    open().catch((error: Error) => {
      if (closed) return;
      uploading.fail(error.message);
      navigation.replacePhoto(null);
    });
    return () => {
      closed = true;
      if (viewer.current) close(viewer.current);
      viewer.current = null;
    };
  }, [list, settled]);

  // More photos of the list have come.
  useEffect(() => {
    const known = slides.current;
    if (viewer.current === null || known.length === photos.length || known[0]?.id !== photos[0]?.id) return;
    const grown = known.length;
    known.push(...photos.slice(grown).map(slideOf));
    viewer.current.refreshSlideContent(grown);
    viewer.current.dispatch("change");
  }, [photos.length, photos]);

  // Back or Forward led to another photo.
  useEffect(() => {
    const index = slides.current.findIndex(({ id }) => id === photo);
    if (viewer.current !== null && index >= 0 && viewer.current.currIndex !== index) viewer.current.goTo(index);
  }, [photo]);

  return null;
}
