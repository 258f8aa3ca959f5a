/** The whole page: the bar, what is shown in it, and what may lie over it. */
import { useEffect } from "preact/hooks";
import { ServerGoneError } from "./api";
import { Logo } from "./icons";
import { FailuresDialog } from "./ingest/FailuresDialog";
import { IngestBar } from "./ingest/IngestBar";
import { navigation } from "./navigation";
import { covering } from "./nsfw/covering";
import { useChanges } from "./observable";
import { listOf } from "./photos/photo_list";
import { DropZone } from "./search/DropZone";
import { SearchBar } from "./search/SearchBar";
import { UploadNotice } from "./search/UploadNotice";
import { GoneBanner } from "./server/GoneBanner";
import { server } from "./server/server";
import { goalThumbnail } from "./subject/goal_of";
import { SubjectPage } from "./subject/SubjectPage";
import { subjectKey } from "./url";
import { Viewer } from "./viewer/Viewer";
import { WhyDialog } from "./why/WhyDialog";

export function App() {
  const { place } = useChanges(navigation);
  const { returns } = useChanges(server);
  const list = useChanges(listOf(place.subject));
  useChanges(covering);

  useEffect(() => {
    if (list.error instanceof ServerGoneError) void server.ask();
  }, [list.error]);
  useEffect(() => list.retry(), [returns]);

  return (
    <>
      <a class="skip-link" href="#photos">
        Skip to the photos
      </a>
      <header class="bar">
        <a class="home" href="/" aria-label="Lookalike: all photos">
          <Logo />
          <span class="wordmark">Lookalike</span>
        </a>
        <SearchBar subject={place.subject} goal={goalThumbnail(list)} />
      </header>
      <GoneBanner />
      <IngestBar />
      <main id="photos" tabIndex={-1}>
        <SubjectPage key={subjectKey(place.subject)} list={list} viewed={place.photo} />
      </main>
      {place.photo !== null && <Viewer list={list} photo={place.photo} />}
      {place.subject.kind === "similar" && place.why !== undefined && (
        <WhyDialog list={list} goal={place.subject.id} other={place.why} />
      )}
      <UploadNotice />
      <FailuresDialog />
      <DropZone />
    </>
  );
}
