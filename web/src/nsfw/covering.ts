/** Photos that are probably pornographic are covered until they are asked for; a switch that is remembered ends that. */
import type { Photo } from "../api";
import { Observable } from "../observable";

/** open_nsfw’s score from which its makers call a photo probably pornographic; half of that is often swimwear. */
const FROM = 0.8;
const REMEMBERED = "lookalike.cover";

/** Whether a photo is one of those that are covered until they are asked for. */
export const isCoverable = ({ nsfw }: Pick<Photo, "nsfw">) => nsfw !== null && nsfw >= FROM;

class Covering extends Observable {
  on = localStorage.getItem(REMEMBERED) !== "off";
  readonly #revealed = new Set<number>();

  covers(photo: Pick<Photo, "id" | "nsfw">): boolean {
    return this.on && isCoverable(photo) && !this.#revealed.has(photo.id);
  }

  /** Show a photo, for as long as the page is open. */
  reveal(id: number): void {
    this.#revealed.add(id);
    this.changed();
  }

  set(on: boolean): void {
    this.on = on;
    if (on) this.#revealed.clear();
    localStorage.setItem(REMEMBERED, on ? "on" : "off");
    this.changed();
  }
}

export const covering = new Covering();
