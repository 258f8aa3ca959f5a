/** The goal of a list of similar photos: the photo that they are similar to. */
import { type Photo, thumbnailUrl, uploadThumbnailUrl } from "../api";
import { covering } from "../nsfw/covering";
import { knownPhoto, type PhotoList } from "../photos/photo_list";

/** The collection's photo that a list is similar to, as soon as anything in memory knows it. */
export function goalOf(list: PhotoList): Photo | null {
  return list.query?.photo ?? (list.subject.kind === "similar" ? knownPhoto(list.subject.id) : null);
}

/** Address of the goal's thumbnail; null for a list without goal, while it is unknown, and where it is covered. */
export function goalThumbnail(list: PhotoList): string | null {
  if (list.subject.kind === "upload") return uploadThumbnailUrl(list.subject.upload);
  const goal = goalOf(list);
  return goal && !covering.covers(goal) ? thumbnailUrl(goal) : null;
}
