/** What is known of the photo in the viewer. */
import { type ComponentChildren, render } from "preact";
import type { PhotoDetails } from "../api";
import { formatBytes, formatExposure, formatPixels, formatPlace, formatTakenAt, titleOf } from "../format";
import { useChanges } from "../observable";
import { wordsHref } from "../url";
import { facts } from "./facts";

/** Draw the panel in an element of the viewer; returns what takes it away again. */
export function mountFactsPanel(element: HTMLElement): () => void {
  // The viewer takes every turn of the wheel for itself; the panel needs it to scroll.
  element.addEventListener("wheel", (event) => event.stopPropagation(), { passive: true });
  render(<FactsPanel />, element);
  return () => render(null, element);
}

function FactsPanel() {
  const { shown, details, error } = useChanges(facts);
  if (!shown) return null;
  return (
    <aside class="facts" aria-label="About this photo">
      {error !== null && <p class="facts-missing">{error}</p>}
      {details && <Details photo={details} />}
    </aside>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function exposureOf({ facts }: PhotoDetails): string {
  return [
    facts.f_number !== null && `ƒ/${facts.f_number}`,
    facts.exposure_seconds !== null && formatExposure(facts.exposure_seconds),
    facts.focal_length_mm !== null && `${Math.round(facts.focal_length_mm)} mm`,
    facts.iso !== null && `ISO ${facts.iso}`,
  ]
    .filter(Boolean)
    .join(" · ");
}

function Details({ photo }: { photo: PhotoDetails }) {
  const { facts } = photo;
  const exposure = exposureOf(photo);
  return (
    <>
      <h2>{titleOf(photo)}</h2>
      {facts.caption && <p class="facts-caption">{facts.caption}</p>}
      <dl>
        {photo.taken_at && <Fact name="Taken">{formatTakenAt(photo.taken_at)}</Fact>}
        {facts.creator && <Fact name="By">{facts.creator}</Fact>}
        {facts.camera && <Fact name="Camera">{facts.camera}</Fact>}
        {facts.lens && <Fact name="Lens">{facts.lens}</Fact>}
        {exposure && <Fact name="Exposure">{exposure}</Fact>}
        {facts.latitude !== null && facts.longitude !== null && (
          <Fact name="Place">{formatPlace(facts.latitude, facts.longitude)}</Fact>
        )}
        {facts.keywords.length > 0 && (
          <Fact name="Keywords">
            <ul class="keywords">
              {facts.keywords.map((keyword) => (
                <li key={keyword}>
                  <a href={wordsHref(keyword)}>{keyword}</a>
                </li>
              ))}
            </ul>
          </Fact>
        )}
        {facts.copyright && <Fact name="Rights">{facts.copyright}</Fact>}
        <Fact name="Size">
          {formatPixels(photo.width, photo.height)}
          <br />
          {photo.format.toUpperCase()} · {formatBytes(photo.bytes)}
        </Fact>
        <Fact name={photo.paths.length > 1 ? "Files, all the same photo" : "File"}>
          <ul class="paths">
            {(photo.paths.length > 0 ? photo.paths : [photo.path]).map((path) => (
              <li key={path}>{path}</li>
            ))}
          </ul>
        </Fact>
      </dl>
    </>
  );
}
