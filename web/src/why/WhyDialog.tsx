/** Why a hit is similar to the goal photo: where in both, and what else they have in common. */
import { useEffect, useRef, useState } from "preact/hooks";
import { getWhy, thumbnailUrl, type Why, type WhyPhoto } from "../api";
import { formatScore, titleOf } from "../format";
import { CloseIcon } from "../icons";
import { navigation } from "../navigation";
import { Covered } from "../nsfw/Covered";
import type { PhotoList } from "../photos/photo_list";
import { tagQuery, wordsQuery } from "../search/query_text";
import { queryHref } from "../url";
import { formatShare } from "../viewer/measures";
import { Heat } from "./Heat";

const CLASSES_SHOWN = 6;

interface WhyDialogProps {
  list: PhotoList;
  goal: number;
  other: number;
}

export function WhyDialog({ list, goal, other }: WhyDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [why, setWhy] = useState<Why | null>(null);
  const [error, setError] = useState<string | null>(null);
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    dialog.current?.showModal();
    title.current?.focus();
    return () => {
      if (document.activeElement === document.body) before?.focus({ preventScroll: true });
    };
  }, []);
  useEffect(() => {
    const asked = new AbortController();
    setWhy(null);
    setError(null);
    getWhy(goal, other, asked.signal)
      .then(setWhy)
      .catch((reason: Error) => !asked.signal.aborted && setError(reason.message));
    return () => asked.abort();
  }, [goal, other]);

  const score = list.photos[list.indexOf(other)]?.score;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a click beside the dialog closes it, as Escape does
    <dialog
      ref={dialog}
      class="dialog why"
      aria-labelledby="why-title"
      onCancel={(event) => {
        event.preventDefault();
        navigation.closeWhy();
      }}
      onClick={(event) => event.target === dialog.current && navigation.closeWhy()}
    >
      <div class="dialog-head">
        <h2 id="why-title" ref={title} tabIndex={-1}>
          Why they are alike {score !== undefined && <span class="why-score">{formatScore(score)}</span>}
        </h2>
        <button type="button" class="icon-button" onClick={() => navigation.closeWhy()} aria-label="Close">
          <CloseIcon />
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
      <div class="dialog-body" tabIndex={0} aria-busy={why === null && error === null}>
        {error !== null && <p role="alert">{error}</p>}
        {why === null && error === null && <p class="quiet why-waiting">Looking at both photos again …</p>}
        {why !== null && <Explanation why={why} />}
      </div>
    </dialog>
  );
}

function Explanation({ why }: { why: Why }) {
  const [heat, setHeat] = useState(true);
  const classes = why.classes.filter(({ a, b }) => Math.min(a, b) >= 0.01).slice(0, CLASSES_SHOWN);
  const strongest = Math.max(...[...why.a.heat, ...why.b.heat].flat().map(Math.abs), 1e-9);
  return (
    <>
      <div class="why-photos">
        <Side side={why.a} heat={heat} strongest={strongest} />
        <Side side={why.b} heat={heat} strongest={strongest} />
      </div>
      <div class="why-tools">
        <label class="switch">
          <input type="checkbox" checked={heat} onChange={(event) => setHeat(event.currentTarget.checked)} />
          Show where
        </label>
        <p class="why-legend quiet" aria-hidden={!heat}>
          against <span class="why-scale" /> for the likeness
        </p>
      </div>
      {classes.length > 0 && (
        <section class="why-section">
          <h3>Both may be</h3>
          <table class="why-classes">
            <thead class="visually-hidden">
              <tr>
                <th scope="col">First photo</th>
                <th scope="col">Class</th>
                <th scope="col">Second photo</th>
              </tr>
            </thead>
            <tbody>
              {classes.map(({ name, a, b }) => (
                <tr key={name}>
                  <Share share={a} />
                  <th scope="row">
                    <a href={queryHref(wordsQuery(name))}>{name}</a>
                  </th>
                  <Share share={b} />
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {why.tags.length > 0 && (
        <section class="why-section">
          <h3>Tags of both</h3>
          <ul class="chips">
            {why.tags.map((tag) => (
              <li key={tag} class="chip">
                <a href={queryHref(tagQuery(tag))}>{tag}</a>
              </li>
            ))}
          </ul>
        </section>
      )}
      <p class="quiet why-note">
        Cosine {why.cosine.toFixed(2)} between the two as the network sees them, the collection’s mean taken off.
        {why.method === "shares"
          ? " The shades of each photo sum to it."
          : " A shade is what it loses when that part is hidden."}
        {" What the network did not look at has no shade."}
      </p>
    </>
  );
}

function Share({ share }: { share: number }) {
  return (
    <td style={{ "--share": String(share) }}>
      <span>{formatShare(share)}</span>
    </td>
  );
}

function Side({ side, heat, strongest }: { side: WhyPhoto; heat: boolean; strongest: number }) {
  const { photo, palette } = side;
  return (
    <figure class="why-photo">
      <div class="why-picture" style={{ "--aspect": String(photo.width / photo.height) }}>
        <Covered photo={photo}>
          <img src={thumbnailUrl(photo)} alt={titleOf(photo)} />
          <Heat rows={side.heat} box={side.box} strongest={strongest} shown={heat} />
        </Covered>
      </div>
      <div class="why-palette" aria-hidden="true">
        {palette.map(({ hex, share }) => (
          <span key={hex} style={{ background: hex, flexGrow: share }} />
        ))}
      </div>
      <figcaption>
        <bdi>{titleOf(photo)}</bdi>
        <span class="visually-hidden"> Its colours: {palette.map(({ name }) => name).join(", ")}.</span>
      </figcaption>
    </figure>
  );
}
