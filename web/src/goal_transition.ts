/**
 * The pivot, made visible: the photo whose "…" was used grows into the goal photo of the new page, where the browser
 * can (view transitions) and the reader has not asked for stillness.
 */

/** Make `change` to the page, with the photo in `from` becoming the goal photo. */
export function growIntoGoal(from: Element | null, change: () => void): void {
  const photo = from?.querySelector("img");
  if (!photo || !document.startViewTransition || matchMedia("(prefers-reduced-motion: reduce)").matches) {
    change();
    return;
  }
  // A name may stand on one element only: the photo that grows takes it over from the goal photo now shown.
  document.querySelector<HTMLElement>(".goal-photo")?.style.setProperty("view-transition-name", "none");
  photo.style.setProperty("view-transition-name", "goal");
  document.startViewTransition(async () => {
    change();
    await new Promise((drawn) => setTimeout(drawn)); // drawing is queued as microtasks, which all come before this
  });
}
