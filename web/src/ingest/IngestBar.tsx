/** Photos being added: a slim bar and one line of figures, and a closing line when it is done. */
import { useEffect } from "preact/hooks";
import type { Job } from "../api";
import { formatCount, formatJob, formatPhotos } from "../format";
import { CloseIcon } from "../icons";
import { useChanges } from "../observable";
import { server } from "../server/server";
import { failuresDialog } from "./FailuresDialog";

/** How long the closing line stays when nothing went wrong. */
const CLOSING_LINE_MS = 8_000;

function summary(job: Job): string {
  if (job.state === "failed") return job.message ?? "Adding photos failed.";
  const parts = [`${formatPhotos(job.added)} added`];
  if (job.updated > 0) parts.push(`${formatCount(job.updated)} updated`);
  if (job.moved > 0) parts.push(`${formatCount(job.moved)} moved`);
  if (job.gone > 0) parts.push(`${formatCount(job.gone)} gone`);
  if (job.unchanged > 0) parts.push(`${formatCount(job.unchanged)} were here already`);
  return (job.state === "stopped" ? "Stopped: " : "") + parts.join(", ");
}

function FailedCount({ n }: { n: number }) {
  if (n === 0) return null;
  return (
    <button type="button" class="text-button" onClick={() => void failuresDialog.open()}>
      {formatCount(n)} could not be read
    </button>
  );
}

export function IngestBar() {
  useChanges(server);
  const { job, finished } = server;
  const lingers = finished !== null && finished.state === "done" && finished.failed === 0;
  useEffect(() => {
    if (!lingers) return;
    const timer = setTimeout(() => server.putAwayFinished(), CLOSING_LINE_MS);
    return () => clearTimeout(timer);
  }, [lingers]);

  if (job) {
    const share = job.state === "running" && job.total > 0 ? job.done / job.total : null;
    return (
      <section class="ingest" aria-label="Adding photos">
        <div
          class="ingest-track"
          role="progressbar"
          aria-label="Photos added"
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={share === null ? undefined : Math.floor(share * 100)}
          aria-valuetext={formatJob(job)}
          data-counting={share === null}
        >
          <div class="ingest-done" style={{ transform: `scaleX(${share ?? 0.25})` }} />
        </div>
        <p class="ingest-line">
          <span>Adding photos</span>
          <span class="ingest-figures">{formatJob(job)}</span>
          <FailedCount n={job.failed} />
        </p>
      </section>
    );
  }
  if (!finished) return null;
  return (
    <section class="ingest" aria-label="Photos added">
      <p class="ingest-line" role="status">
        <span>{summary(finished)}</span>
        <FailedCount n={finished.failed} />
        <button type="button" class="icon-button small" onClick={() => server.putAwayFinished()} aria-label="Put away">
          <CloseIcon />
        </button>
      </p>
    </section>
  );
}
