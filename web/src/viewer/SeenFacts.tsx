/** What was seen in a photo: by the network, and by its pixels alone. Everything leads to photos that have it too. */
import type { ComponentChildren } from "preact";
import type { Label, PhotoDetails, Status, Swatch } from "../api";
import { useChanges } from "../observable";
import { styleQuery, wordsQuery } from "../search/query_text";
import { server } from "../server/server";
import { queryHref } from "../url";
import { formatShare, QUALITY, STYLES } from "./measures";

const LABELS_SHOWN = 5;
/** Probability below which a class is not worth a line. */
const LEAST = 0.03;
/** Score from which a style is one that the photo may be said to have. */
const STYLE_FROM = 0.2;

interface SectionProps {
  title: string;
  /** Who says so. */
  origin?: string;
  children: ComponentChildren;
}

export function Section({ title, origin, children }: SectionProps) {
  return (
    <section class="fact-section">
      <h3>
        {title}
        {origin && <span class="origin">{origin}</span>}
      </h3>
      {children}
    </section>
  );
}

/** A name, a figure, and how much of the whole it is. */
export function Meter({ name, share, href }: { name: string; share: number; href?: string }) {
  return (
    <li class="meter" style={{ "--share": String(Math.min(Math.max(share, 0), 1)) }}>
      {href ? <a href={href}>{name}</a> : <span>{name}</span>}
      <span class="meter-figure">{formatShare(share)}</span>
    </li>
  );
}

const stylesBy = (status: Status | null) =>
  status?.style_search.includes("embeddings") ? `pixels and ${status.encoder}` : "pixels";

function Labels({ labels }: { labels: Label[] }) {
  const { status } = useChanges(server);
  const sure = labels.filter(({ probability }) => probability >= LEAST).slice(0, LABELS_SHOWN);
  if (sure.length === 0) return null;
  return (
    <Section title="Seen in it" origin={status?.encoder ?? "network"}>
      <ul class="meters">
        {sure.map(({ name, probability }) => (
          <Meter key={name} name={name} share={probability} href={queryHref(wordsQuery(name))} />
        ))}
      </ul>
    </Section>
  );
}

/** Colours side by side, each as wide as its share. */
export function Palette({ palette }: { palette: Swatch[] }) {
  return (
    <ul class="palette">
      {palette.map(({ hex, name, share }) => (
        <li key={hex} style={{ flexGrow: Math.max(share, 0.06) }}>
          <a href={queryHref(`colour:${hex}`)} style={{ background: hex }} title={`${name}, ${formatShare(share)}`}>
            <span class="visually-hidden">
              Photos in {name}, {formatShare(share)} of this one
            </span>
          </a>
        </li>
      ))}
    </ul>
  );
}

export function SeenFacts({ photo }: { photo: PhotoDetails }) {
  const { status } = useChanges(server);
  const { labels, palette, measures, nsfw } = photo.seen;
  const styles = STYLES.filter(([measure]) => (measures[measure] ?? 0) >= STYLE_FROM);
  const quality = QUALITY.filter(([measure]) => measures[measure] !== undefined);
  return (
    <>
      <Labels labels={labels} />
      {palette.length > 0 && (
        <Section title="Colours" origin="pixels">
          <Palette palette={palette} />
        </Section>
      )}
      {styles.length > 0 && (
        <Section title="Style" origin={stylesBy(status)}>
          <ul class="meters">
            {styles.map(([measure, name]) => (
              <Meter key={measure} name={name} share={measures[measure] ?? 0} href={queryHref(styleQuery(name))} />
            ))}
          </ul>
        </Section>
      )}
      {quality.length > 0 && (
        <Section title="Quality" origin="pixels">
          <ul class="meters">
            {quality.map(([measure, name]) => (
              <Meter key={measure} name={name} share={measures[measure] ?? 0} />
            ))}
          </ul>
        </Section>
      )}
      {nsfw !== null && (
        <Section title="Not safe for work" origin="open_nsfw">
          <ul class="meters">
            <Meter name="probability" share={nsfw} />
          </ul>
        </Section>
      )}
    </>
  );
}
