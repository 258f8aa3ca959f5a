/**
 * Where the page is, in step with the browser's history.
 *
 * Each history entry remembers how far its page was scrolled and which photo's link was used, so that Back returns
 * to the same photo, for the eye and for the keyboard. The browser's own scroll restoration is off: it acts before
 * the photos are there.
 */
import { growIntoGoal } from "./goal_transition";
import { Observable } from "./observable";
import { hrefOf, type Place, parsePlace, subjectKey } from "./url";

interface Entry {
  /** How far the page was scrolled, px, not counting what comes and goes above its main part. */
  scroll: number;
  /** The photo whose link led away from here. */
  left: number | null;
  /** The entry before this one is the same page without the viewer: closing the viewer is going back. */
  overPage: boolean;
}

const FRESH: Entry = { scroll: 0, left: null, overPage: false };
/** Height of what comes and goes between the bar and the page's main part: a banner, a job's progress. */
function passingHeight(): number {
  const bar = document.querySelector<HTMLElement>(".bar");
  const main = document.querySelector("main");
  return bar && main ? main.offsetTop - bar.offsetHeight : 0;
}

/** Whether something lies over the page: the viewer, or an explanation. */
const covers = ({ photo, why }: Place) => photo !== null || why !== undefined;

const SAVE_SCROLL_AFTER_MS = 120;

class Navigation extends Observable {
  place: Place = parsePlace(location.search);
  /** Scroll position to bring back as soon as enough photos are laid out; null: nothing to do. */
  pendingScroll: number | null = null;
  /** Photo whose link takes the focus once it is on screen again. */
  pendingFocus: number | null = null;
  /** The subject on screen was asked for by a link or a search, not by Back, Forward or a reload. */
  arrivedByLink = false;
  #timer = 0;

  start(): void {
    history.scrollRestoration = "manual";
    this.#restore();
    addEventListener("popstate", () => this.#move());
    addEventListener("scroll", () => this.#saveSoon(), { passive: true });
    for (const type of ["wheel", "touchmove", "keydown"])
      addEventListener(type, () => this.#giveUp(), { passive: true });
    document.addEventListener("click", (event) => this.#follow(event));
  }

  go(place: Place): void {
    this.#push(place, null);
  }

  /** Where the page is to be scrolled as soon as it is long enough; null: it is where it should be. */
  get scrollWanted(): number | null {
    return this.pendingScroll ? this.pendingScroll + passingHeight() : this.pendingScroll;
  }

  /** Show another photo in the open viewer, without a new history entry. */
  replacePhoto(photo: number | null): void {
    this.place = { ...this.place, photo };
    history.replaceState(
      { ...this.#entry(), overPage: photo !== null && this.#entry().overPage },
      "",
      hrefOf(this.place),
    );
    this.changed();
  }

  closeViewer(): void {
    if (this.place.photo === null) return;
    if (this.#entry().overPage) history.back();
    else this.replacePhoto(null);
  }

  closeWhy(): void {
    if (this.place.why === undefined) return;
    if (this.#entry().overPage) {
      history.back();
      return;
    }
    this.place = { subject: this.place.subject, photo: null };
    history.replaceState({ ...this.#entry(), overPage: false }, "", hrefOf(this.place));
    this.changed();
  }

  #scroll(): number {
    return Math.max(0, scrollY - passingHeight());
  }

  #entry(): Entry {
    return { ...FRESH, ...(history.state as Entry | null) };
  }

  #push(place: Place, left: number | null): void {
    const samePage = subjectKey(place.subject) === subjectKey(this.place.subject);
    const href = hrefOf(place);
    if (href === location.pathname + location.search) {
      if (!covers(place)) scrollTo({ top: 0 });
      return;
    }
    clearTimeout(this.#timer);
    const scroll = this.pendingScroll ?? this.#scroll();
    history.replaceState({ ...this.#entry(), scroll, left }, "");
    const overPage = samePage && covers(place) && (!covers(this.place) || place.why !== undefined);
    history.pushState({ ...FRESH, scroll: samePage ? scroll : 0, overPage }, "", href);
    this.place = place;
    if (!samePage) {
      this.pendingScroll = 0;
      this.pendingFocus = null;
      this.arrivedByLink = true;
    }
    this.changed();
  }

  #move(): void {
    const before = subjectKey(this.place.subject);
    clearTimeout(this.#timer);
    this.place = parsePlace(location.search);
    if (subjectKey(this.place.subject) !== before) this.#restore();
    this.changed();
  }

  #restore(): void {
    const { scroll, left } = this.#entry();
    this.pendingScroll = scroll;
    this.pendingFocus = left;
    this.arrivedByLink = false;
  }

  #giveUp(): void {
    this.pendingScroll = null;
    this.pendingFocus = null;
  }

  #saveSoon(): void {
    clearTimeout(this.#timer);
    if (this.pendingScroll !== null) return;
    this.#timer = window.setTimeout(() => {
      history.replaceState({ ...this.#entry(), scroll: this.#scroll() }, "");
    }, SAVE_SCROLL_AFTER_MS);
  }

  /** Every link of the page is a real one; a plain click on it moves without loading the page anew. */
  #follow(event: MouseEvent): void {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    const link = (event.target as Element).closest?.("a");
    if (
      !link ||
      link.origin !== location.origin ||
      link.pathname !== "/" ||
      link.target ||
      link.hasAttribute("download")
    )
      return;
    if (link.hash) return;
    event.preventDefault();
    const tile = link.closest<HTMLElement>("[data-photo]");
    const photo = Number(tile?.dataset.photo) || null;
    const place = parsePlace(link.search);
    const pivots = place.subject.kind === "similar" && place.subject.id === photo && !covers(place);
    growIntoGoal(pivots ? tile : null, () => this.#push(place, photo));
  }
}

export const navigation = new Navigation();
