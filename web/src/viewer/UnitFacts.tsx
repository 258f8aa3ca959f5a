/**
 * How the network sees a photo: the units that it excites beyond what is usual, where in it, and which photos of the
 * collection excite each most. Asked for only when opened: the photo is looked at again.
 */
import { useEffect, useState } from "preact/hooks";
import { getUnitPhotos, getUnits, type Photo, thumbnailUrl, type Unit } from "../api";
import { titleOf } from "../format";
import { covering } from "../nsfw/covering";
import { useChanges } from "../observable";
import { similarHref } from "../url";
import { around, cropStyle } from "./crop";

const UNITS = 5;
const PHOTOS = 4;
/** A cell alone is a patch of colour; so much around it shows what it is of. */
const AROUND = 3;

interface Shown {
  unit: Unit;
  photos: Photo[];
}

async function load(id: number): Promise<Shown[]> {
  const { units } = await getUnits(id, UNITS);
  return Promise.all(
    units.map(async (unit) => {
      const { photos } = await getUnitPhotos(unit.unit, PHOTOS + 1);
      return { unit, photos: photos.filter((photo) => photo.id !== id).slice(0, PHOTOS) };
    }),
  );
}

export function UnitFacts({ photo }: { photo: Photo }) {
  const [open, setOpen] = useState(false);
  const [shown, setShown] = useState<Shown[] | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    let current = true;
    setShown(null);
    setError(null);
    if (open)
      load(photo.id)
        .then((units) => current && setShown(units))
        .catch((reason: Error) => current && setError(reason.message));
    return () => {
      current = false;
    };
  }, [open, photo.id]);
  return (
    <details class="fact-section folded" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>How the network sees it</summary>
      {error !== null && (
        <p class="facts-missing" role="alert">
          {error}
        </p>
      )}
      {open && shown === null && error === null && <p class="tag-note">Looking again …</p>}
      {shown !== null && (
        <>
          <p class="tag-note">Parts of this photo, each beside photos that excite the same unit of the network most.</p>
          <ul class="units">
            {shown.map(({ unit, photos }) => (
              <UnitRow key={unit.unit} photo={photo} unit={unit} photos={photos} />
            ))}
          </ul>
        </>
      )}
    </details>
  );
}

function UnitRow({ photo, unit, photos }: { photo: Photo } & Shown) {
  const cover = useChanges(covering);
  const [cell] = unit.cells;
  return (
    <li aria-label={`Unit ${unit.unit}`}>
      {cell && !cover.covers(photo) && (
        <span
          class="unit-cell"
          role="img"
          aria-label="Where in this photo"
          title={`Unit ${unit.unit}: ${unit.value.toFixed(2)} here, ${unit.typical.toFixed(2)} usually`}
          style={cropStyle(thumbnailUrl(photo), around(cell.box, AROUND))}
        />
      )}
      {photos.map((other) => (
        <a key={other.id} href={similarHref(other.id)} data-covered={cover.covers(other)} title={titleOf(other)}>
          <img src={thumbnailUrl(other)} alt={`${titleOf(other)}, which excites it too`} />
        </a>
      ))}
    </li>
  );
}
