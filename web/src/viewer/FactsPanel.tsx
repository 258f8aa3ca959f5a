/** What is known of the photo in the viewer. */
import { type ComponentChildren, render } from "preact";
import type { PhotoDetails } from "../api";
import { formatBytes, formatExposure, formatPixels, formatPlace, formatTakenAt, isLong, titleOf } from "../format";
import { useChanges } from "../observable";
import { machineTagQuery, partLabel } from "../search/query_text";
import { queryHref } from "../url";
import { facts } from "./facts";
import { Meter, Section, SeenFacts } from "./SeenFacts";
import { TagFacts } from "./TagFacts";
import { UnitFacts } from "./UnitFacts";

/** Draw the panel in an element of the viewer; returns what takes it away again. */
export function mountFactsPanel(element: HTMLElement): () => void {
  // The viewer takes every turn of the wheel for itself; the panel needs it to scroll.
  element.addEventListener("wheel", (event) => event.stopPropagation(), { passive: true });
  render(<FactsPanel />, element);
  return () => render(null, element);
}

function FactsPanel() {
  const { shown, details, error, match } = useChanges(facts);
  if (!shown) return null;
  return (
    <aside class="facts" aria-label="About this photo">
      {error !== null && <p class="facts-missing">{error}</p>}
      {details && <Details photo={details} match={match} />}
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

/** How well a photo matches each part of a search of several; of one part the score says it all. */
function Match({ match }: { match: Record<string, number> }) {
  const parts = Object.entries(match);
  if (parts.length < 2) return null;
  return (
    <Section title="How it matches the search">
      <ul class="meters">
        {parts.map(([name, score]) => (
          <Meter key={name} name={partLabel(name)} share={score} />
        ))}
      </ul>
    </Section>
  );
}

/** The day, without the hour, as the query language writes it; null where less is known. */
const dayOf = (takenAt: string) => /^\d{4}-\d\d-\d\d/.exec(takenAt)?.[0] ?? null;

function Taken({ at }: { at: string }) {
  const day = dayOf(at);
  if (day === null) return <>{formatTakenAt(at)}</>;
  return (
    <a href={queryHref(`since:${day} until:${day}`)} title="Photos of this day">
      {formatTakenAt(at)}
    </a>
  );
}

function exifHref(predicate: string, value: string): string {
  return queryHref(machineTagQuery({ namespace: "exif", predicate, raw: value }));
}

/** The camera's model as its machine tag has it: a search for that finds all of its photos. */
const tagged = (photo: PhotoDetails, predicate: string) =>
  photo.seen.machine_tags.find((tag) => tag.namespace === "exif" && tag.predicate === predicate)?.raw ?? null;

function Linked({ href, children }: { href: string | null; children: ComponentChildren }) {
  return <a href={href ?? undefined}>{children}</a>;
}

function Details({ photo, match }: { photo: PhotoDetails; match: Record<string, number> | null }) {
  const { facts } = photo;
  const exposure = exposureOf(photo);
  const model = tagged(photo, "model");
  const lens = tagged(photo, "lens");
  return (
    <>
      <h2 dir="auto" class={isLong(titleOf(photo)) ? "long" : ""}>
        {titleOf(photo)}
      </h2>
      {facts.caption && (
        <p class="facts-caption" dir="auto">
          {facts.caption}
        </p>
      )}
      {match && <Match match={match} />}
      <dl>
        {photo.taken_at && (
          <Fact name="Taken">
            <Taken at={photo.taken_at} />
          </Fact>
        )}
        {facts.creator && <Fact name="By">{facts.creator}</Fact>}
        {facts.camera && (
          <Fact name="Camera">
            <Linked href={model && exifHref("model", model)}>{facts.camera}</Linked>
          </Fact>
        )}
        {facts.lens && (
          <Fact name="Lens">
            <Linked href={lens && exifHref("lens", lens)}>{facts.lens}</Linked>
          </Fact>
        )}
        {exposure && <Fact name="Exposure">{exposure}</Fact>}
        {facts.latitude !== null && facts.longitude !== null && (
          <Fact name="Place">
            <a href={queryHref(`near:photo:${photo.id},10km`)} title="Photos taken within 10 km">
              {formatPlace(facts.latitude, facts.longitude)}
            </a>
          </Fact>
        )}
      </dl>
      <TagFacts photo={photo} />
      <SeenFacts photo={photo} />
      <UnitFacts photo={photo} />
      <dl>
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
