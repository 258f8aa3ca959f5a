/** What is shown of a subject: its head, its photos, or why there are none. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, uploadThumbnailUrl } from "../api";
import { formatCount, formatPhotos, shellQuoted, titleOf } from "../format";
import { Grid } from "../grid/Grid";
import { failuresDialog } from "../ingest/FailuresDialog";
import { CoveringSwitch } from "../nsfw/Covered";
import { isCoverable } from "../nsfw/covering";
import { useChanges } from "../observable";
import type { PhotoList } from "../photos/photo_list";
import { needsChips, QueryChips } from "../search/QueryChips";
import { partsAt } from "../search/query_text";
import { choosePhoto, editSearch } from "../search/SearchBar";
import { server } from "../server/server";
import { Message } from "../states/Message";
import { PhotoGoal, UploadGoal } from "./Goal";
import { goalOf } from "./goal_of";
import { SubjectTitle } from "./SubjectTitle";

interface SubjectPageProps {
  list: PhotoList;
  viewed: number | null;
}

export function SubjectPage({ list, viewed }: SubjectPageProps) {
  useChanges(list);
  useEffect(() => {
    document.title = `${nameOf(list)}Lookalike`;
  });
  const { error } = list;
  if (error instanceof ApiError && list.photos.length === 0) return <Refused list={list} error={error} />;
  const empty = list.complete && list.photos.length === 0;
  return (
    <>
      <p class="visually-hidden" role="status">
        {announcement(list)}
      </p>
      <Head list={list} />
      {list.subject.kind === "all" && <NewPhotos list={list} />}
      {empty ? <NoPhotos list={list} /> : <Grid list={list} viewed={viewed} />}
      {error instanceof ApiError && <p class="list-end">{error.message}</p>}
    </>
  );
}

function nameOf(list: PhotoList): string {
  const { subject } = list;
  const goal = goalOf(list);
  if (subject.kind === "words") return `${subject.words} · `;
  if (subject.kind === "upload") return "Similar to your photo · ";
  return goal ? `Similar to ${titleOf(goal)} · ` : "";
}

/** How many photos there are, for those who cannot see them come. */
function announcement(list: PhotoList): string {
  if (list.photos.length === 0) return list.complete ? "No photos found." : "";
  if (list.total !== null) return formatPhotos(list.total);
  return list.complete
    ? `${formatPhotos(list.photos.length)} found.`
    : `The first ${list.photos.length} photos are here.`;
}

/** In which space words were looked for, besides texts. */
function wordsBy(list: PhotoList): string {
  const encoder = server.status?.encoder ?? "the network";
  if (list.wordsBy === "joint") return `words in the joint space of ${encoder}`;
  if (list.wordsBy === "classes") return `words in texts, and by classes of ${encoder}`;
  return list.wordsBy === "texts" ? "words in texts only" : "";
}

function Head({ list }: { list: PhotoList }) {
  const { subject } = list;
  const goal = goalOf(list);
  if (subject.kind === "similar") return goal ? <PhotoGoal photo={goal} subject={subject} /> : <WaitingGoal />;
  if (subject.kind === "upload") return <UploadGoal thumbnail={uploadThumbnailUrl(subject.upload)} same={goal} />;
  if (subject.kind === "words") {
    if (list.complete && list.photos.length === 0) {
      const items = list.query?.items ?? []; // the message says the rest
      return needsChips(items) ? (
        <div class="words-head">
          <QueryChips items={items} />
        </div>
      ) : null;
    }
    const count = list.complete
      ? formatPhotos(list.photos.length)
      : list.photos.length > 0
        ? `${list.photos.length}+ photos`
        : "";
    const items = list.query?.items ?? [];
    // Until the answer tells, a line of several words is taken for one of several items.
    const inChips = list.query ? needsChips(items) : /\s/.test(subject.words);
    return (
      <section class="words-head">
        <SubjectTitle before="Photos with" name={`“${subject.words}”`} unseen={inChips} />
        {needsChips(items) && <QueryChips items={items} />}
        <p class="quiet">{list.photos.length > 0 && [count, wordsBy(list)].filter(Boolean).join(" · ")}</p>
      </section>
    );
  }
  return <CollectionHead coverable={list.photos.some(isCoverable)} />;
}

/** Room for the goal photo, of which nothing is known yet. */
function WaitingGoal() {
  return (
    <div class="goal waiting">
      <h1 class="visually-hidden">Similar photos</h1>
    </div>
  );
}

/** `coverable`: some photo here would be covered; else there is nothing to choose. */
function CollectionHead({ coverable }: { coverable: boolean }) {
  const { status, job, finished } = useChanges(server);
  const saidAbove = ((job ?? finished)?.failed ?? 0) > 0;
  return (
    <div class="collection-head">
      <h1 class="visually-hidden">All photos</h1>
      <p class="quiet">{status !== null && formatPhotos(status.photos)}</p>
      {status !== null && status.failures > 0 && !saidAbove && (
        <button type="button" class="text-button quiet" onClick={() => void failuresDialog.open()}>
          {formatCount(status.failures)} {status.failures === 1 ? "file" : "files"} could not be read
        </button>
      )}
      {coverable && <CoveringSwitch />}
    </div>
  );
}

/**
 * Photos that came since the whole list was loaded stand at its end: they are drawn by themselves where the end is in
 * sight, else a button leads there; nothing moves under the reader.
 */
function NewPhotos({ list }: { list: PhotoList }) {
  const { status } = useChanges(server);
  const [waiting, setWaiting] = useState(false);
  const n = status !== null && list.total !== null ? status.photos - list.total : 0;
  useEffect(() => {
    if (n > 0 && list.complete) {
      list.reopen();
      setWaiting(true);
    }
    if (n <= 0) setWaiting(false);
  });
  return (
    <div class="new-photos" role="status">
      {waiting && n > 0 && list.photos.length > 0 && !list.loading && (
        <button type="button" class="button raised" onClick={() => scrollTo({ top: document.body.scrollHeight })}>
          {formatCount(n)} new {n === 1 ? "photo" : "photos"} – show
        </button>
      )}
    </div>
  );
}

function NoPhotos({ list }: { list: PhotoList }) {
  const { job, status } = useChanges(server);
  if (list.subject.kind === "words") {
    const inChips = needsChips(list.query?.items ?? []);
    return (
      <Message title={inChips ? "No photo is all of this" : `No photo has the words “${list.subject.words}”`}>
        {inChips ? (
          <p>Take something out of the search by its ×, and more may be found.</p>
        ) : (
          <p>
            Words are looked up in titles, captions, keywords and file names, and in what is seen in photos. Other words
            may find more.
          </p>
        )}
        <p>
          <a class="button" href="/">
            See all photos
          </a>
        </p>
      </Message>
    );
  }
  if (list.subject.kind !== "all") {
    return (
      <Message title="No other photos to compare with" under>
        <p>As the collection grows, similar photos will stand here.</p>
      </Message>
    );
  }
  if (job) {
    return (
      <Message title="The first photos are on their way" under>
        <p>They appear here as they are read. You can search while the rest is being added.</p>
      </Message>
    );
  }
  return (
    <Message title="No photos here yet" under>
      <p>Add a folder of them, and this page fills as they are read:</p>
      <p>
        <code>lookalike add ~/Pictures{status && ` -c ${shellQuoted(status.collection)}`}</code>
      </p>
    </Message>
  );
}

/** The server knows the subject no more, or never did. */
function Refused({ list, error }: { list: PhotoList; error: ApiError }) {
  if (list.subject.kind === "upload" && (error.status === 404 || error.status === 422)) {
    return (
      <Message title="This photo is no longer held">
        <p>
          Photos to search with live in the server’s memory only, and make room for newer ones. Choose it again, drop it
          here, or paste it.
        </p>
        <p>
          <button type="button" class="button" onClick={choosePhoto}>
            Choose the photo
          </button>
        </p>
      </Message>
    );
  }
  const title =
    error.status === 404
      ? "This photo is not in the collection"
      : list.subject.kind === "words" && error.status === 422
        ? "This search cannot be read"
        : "That did not work";
  return (
    <Message title={title}>
      {list.subject.kind === "words" && error.position !== null && (
        <WrongPlace line={list.subject.words} position={error.position} />
      )}
      <p>{error.message}</p>
      <p>
        <a class="button" href="/">
          See all photos
        </a>
      </p>
    </Message>
  );
}

/** The line as it was asked, with what is wrong in it marked; a click goes there. */
function WrongPlace({ line, position }: { line: string; position: number }) {
  const [before, wrong, after] = partsAt(line, position);
  return (
    <button
      type="button"
      class="wrong-line"
      onClick={() => editSearch(before.length, before.length + wrong.length)}
      aria-label={`${line}: mend “${wrong}” in the search`}
      title="Mend it in the search field"
    >
      {before}
      <mark>{wrong}</mark>
      {after}
    </button>
  );
}
