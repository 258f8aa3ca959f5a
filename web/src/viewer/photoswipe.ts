/** PhotoSwipe as this page sets it up: slides, buttons, keys, and room for the panel of facts. */
import type PhotoSwipe from "photoswipe";
import type { SlideData } from "photoswipe";
import { h, render } from "preact";
import { imageUrl, thumbnailUrl } from "../api";
import { titleOf } from "../format";
import { navigation } from "../navigation";
import { Cover } from "../nsfw/Covered";
import { covering } from "../nsfw/covering";
import type { Listed } from "../photos/photo_list";
import { similarHref, whyHref } from "../url";
import { mountFactsPanel } from "./FactsPanel";
import { facts } from "./facts";

export type Slide = SlideData & { id: number; photo: Listed };

export const slideOf = (photo: Listed): Slide => ({
  id: photo.id,
  photo,
  src: imageUrl(photo.id),
  msrc: thumbnailUrl(photo),
  width: photo.width,
  height: photo.height,
  alt: titleOf(photo),
});

const svg = (paths: string) => `<svg class="pswp__icn" viewBox="0 0 24 24" aria-hidden="true">${paths}</svg>`;
const DOTS = svg('<circle cx="5.5" cy="12" r="2"/><circle cx="12" cy="12" r="2"/><circle cx="18.5" cy="12" r="2"/>');
const INFO = svg('<path d="M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm-1 5h2v2h-2zm0 4h2v6h-2z"/>');
const WHY = svg(
  '<path fill-rule="evenodd" d="M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm-1 14.500h2v2.200h-2zm1-10.800c-2.400 0-4 1.600-4 3.900h2c0-1.300.8-2.100 2-2.100s2 .8 2 1.900c0 1-.5 1.500-1.500 2.300-1.100.9-1.500 1.600-1.500 3.300h2c0-1 .3-1.400 1.200-2.100 1.200-1 1.800-1.900 1.800-3.400 0-2.200-1.600-3.800-4-3.800z"/>',
);

/** Window width from which the panel stands beside the photo; in a narrower one it stands below. */
const BESIDE_PX = 800;
const PANEL_PX = 340;
const PANEL_SHARE = 0.55;

/** What the panel leaves for the photo; its own size is in viewer.css. */
function roomForPhoto(): { x: number; y: number } {
  if (!facts.shown) return { x: innerWidth, y: innerHeight };
  if (innerWidth >= BESIDE_PX) return { x: innerWidth - PANEL_PX, y: innerHeight };
  return { x: innerWidth, y: innerHeight * (1 - PANEL_SHARE) };
}

const shown = (viewer: PhotoSwipe) => viewer.currSlide?.data as Slide | undefined;
const current = (viewer: PhotoSwipe) => shown(viewer)?.id ?? null;

/** Address of why the photo shown is similar to the goal photo; null where that is not the question. */
function whyOf(viewer: PhotoSwipe): string | null {
  const { subject } = navigation.place;
  const photo = shown(viewer)?.photo;
  return subject.kind === "similar" && photo?.score !== undefined ? whyHref(subject.id, photo.id) : null;
}

/** Open the viewer on photo `id` of `slides`; the array may grow while it is open. */
export async function openPhotoSwipe(slides: Slide[], id: number): Promise<PhotoSwipe> {
  const [{ default: Viewer }] = await Promise.all([
    import("photoswipe"),
    import("photoswipe/style.css"),
    import("../styles/viewer.css"),
  ]);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const viewer = new Viewer({
    dataSource: slides,
    index: slides.findIndex((slide) => slide.id === id),
    loop: false,
    counter: false,
    wheelToZoom: true,
    bgOpacity: 1,
    returnFocus: false, // the grid does: the photo left is not always the photo entered
    showHideAnimationType: still ? "none" : "zoom",
    closeTitle: "Close (Esc)",
    zoomTitle: "Zoom (z)",
    arrowPrevTitle: "Previous photo",
    arrowNextTitle: "Next photo",
    errorMsg: "This photo could not be loaded.",
    paddingFn: ({ x }) =>
      x < 600 ? { top: 0, bottom: 0, left: 0, right: 0 } : { top: 60, bottom: 24, left: 24, right: 24 },
    getViewportSizeFn: roomForPhoto,
  });
  viewer.addFilter("thumbEl", (found, data) => {
    const thumbnail = document.querySelector<HTMLElement>(`[data-photo="${(data as Slide).id}"] img`);
    return (thumbnail ?? found) as HTMLElement; // none is well: the viewer then fades, its types only do not say so
  });

  const showFacts = (visible: boolean) => {
    facts.show(visible);
    viewer.element?.classList.toggle("pswp--facts", visible);
    viewer.updateSize(true);
  };
  viewer.on("uiRegister", () => {
    viewer.ui?.registerElement({
      name: "why",
      title: "Why it is similar (w)",
      order: 7,
      isButton: true,
      tagName: "a",
      html: WHY,
      onInit: (link) =>
        viewer.on("change", () => {
          const href = whyOf(viewer);
          link.hidden = href === null;
          if (href !== null) link.setAttribute("href", href);
        }),
    });
    viewer.ui?.registerElement({
      name: "similar",
      title: "Similar photos (s)",
      order: 7,
      isButton: true,
      tagName: "a",
      html: DOTS,
      onInit: (link) => viewer.on("change", () => link.setAttribute("href", similarHref(current(viewer) ?? 0))),
    });
    viewer.ui?.registerElement({
      name: "info",
      title: "Facts (i)",
      order: 8,
      isButton: true,
      html: INFO,
      onInit: (button) => {
        button.setAttribute("aria-pressed", String(facts.shown));
        viewer.on(
          "destroy",
          facts.subscribe(() => button.setAttribute("aria-pressed", String(facts.shown))),
        );
      },
      onClick: () => showFacts(!facts.shown),
    });
    viewer.ui?.registerElement({
      name: "cover",
      appendTo: "root",
      onInit: (element) => {
        const follow = () => {
          const photo = shown(viewer)?.photo;
          render(photo && covering.covers(photo) ? h(Cover, { photo }) : null, element);
        };
        viewer.on("change", follow);
        viewer.on("destroy", covering.subscribe(follow));
      },
    });
    viewer.ui?.registerElement({
      name: "facts",
      appendTo: "root",
      onInit: (element) => viewer.on("destroy", mountFactsPanel(element)),
    });
  });
  viewer.on("keydown", ({ originalEvent: event }) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const id = current(viewer);
    if (event.key === "i") showFacts(!facts.shown);
    if (event.key === "w" && whyOf(viewer) !== null)
      viewer.element?.querySelector<HTMLElement>(".pswp__button--why")?.click();
    if (event.key === "s" && id !== null) navigation.go({ subject: { kind: "similar", id }, photo: null });
  });
  viewer.on("change", () => {
    const id = current(viewer);
    if (id === null) return;
    facts.follow(id, shown(viewer)?.photo.parts ?? null);
    if (navigation.place.photo !== null && navigation.place.photo !== id) navigation.replacePhoto(id);
  });
  // A covered photo stays so in the viewer, until its button is used.
  const cover = () => {
    for (const holder of viewer.mainScroll?.itemHolders ?? []) {
      const photo = (holder.slide?.data as Slide | undefined)?.photo;
      if (photo) holder.el.classList.toggle("pswp__item--covered", covering.covers(photo));
    }
  };
  viewer.on("change", cover);
  viewer.on("appendHeavy", cover);
  viewer.on("destroy", covering.subscribe(cover));
  viewer.on("close", () => navigation.closeViewer());
  viewer.on("afterInit", () => {
    viewer.element?.setAttribute("aria-label", "Photo");
    viewer.element?.setAttribute("aria-modal", "true");
  });
  viewer.on("firstUpdate", () => viewer.element?.classList.toggle("pswp--facts", facts.shown));
  viewer.init();
  return viewer;
}
