/** The whole page: the bar, what is shown in it, and what may lie over it. */
import { useEffect, useState } from "preact/hooks";
import { ServerGoneError } from "./api";
import { formatPhotos } from "./format";
import { Logo } from "./icons";
import { FailuresDialog } from "./ingest/FailuresDialog";
import { IngestBar } from "./ingest/IngestBar";
import { navigation } from "./navigation";
import { useChanges } from "./observable";
import { forgetList, listOf } from "./photos/photo_list";
import { DropZone } from "./search/DropZone";
import { SearchBar } from "./search/SearchBar";
import { UploadNotice } from "./search/UploadNotice";
import { GoneBanner } from "./server/GoneBanner";
import { server } from "./server/server";
import { SubjectPage } from "./subject/SubjectPage";
import { subjectKey } from "./url";
import { Viewer } from "./viewer/Viewer";

export function App() {
  const { place } = useChanges(navigation);
  const { status, returns } = useChanges(server);
  const [freshness, setFreshness] = useState(0);
  const list = useChanges(listOf(place.subject));

  useEffect(() => {
    if (list.error instanceof ServerGoneError) void server.ask();
  }, [list.error]);
  useEffect(() => list.retry(), [returns]);

  const refresh = () => {
    forgetList(place.subject);
    setFreshness(freshness + 1);
    scrollTo({ top: 0 });
  };

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
        <SearchBar subject={place.subject} />
        <p class="bar-count">{status && formatPhotos(status.photos)}</p>
      </header>
      <GoneBanner />
      <IngestBar />
      <main id="photos" tabIndex={-1}>
        <SubjectPage
          key={`${subjectKey(place.subject)} ${freshness}`}
          list={list}
          viewed={place.photo}
          refresh={refresh}
        />
      </main>
      {place.photo !== null && <Viewer list={list} photo={place.photo} />}
      <UploadNotice />
      <FailuresDialog />
      <DropZone />
    </>
  );
}
