/**
 * What the page knows of the server: its last status, and whether it answers. Asked once a second while photos are
 * being added, seldom otherwise, and with growing patience when no answer comes.
 */
import { getStatus, type Job, ServerGoneError, type Status } from "../api";
import { Observable } from "../observable";

const BUSY_MS = 1_000;
const CALM_MS = 10_000;
const BACK_OFF_MS = [1_000, 2_000, 4_000, 8_000, 15_000];

export const isRunning = (job: Job) => job.state === "counting" || job.state === "running";

class Server extends Observable {
  status: Status | null = null;
  gone = false;
  /** The job that ended while the page watched; null: none, or its notice was put away. */
  finished: Job | null = null;
  /** Times that the server came back: what failed meanwhile tries again. */
  returns = 0;

  #timer = 0;
  #asking = false;
  #failures = 0;

  start(): void {
    void this.ask();
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) void this.ask();
    });
  }

  get job(): Job | null {
    return this.status?.jobs.find(isRunning) ?? null;
  }

  /** Ask now, rather than when it would be time. */
  async ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    clearTimeout(this.#timer);
    try {
      this.#take(await getStatus());
    } catch (error) {
      if (error instanceof ServerGoneError) this.gone = true;
      this.#failures += 1;
    }
    this.#asking = false;
    this.#timer = window.setTimeout(() => void this.ask(), this.#pause());
    this.changed();
  }

  putAwayFinished(): void {
    this.finished = null;
    this.changed();
  }

  #take(status: Status): void {
    if (this.status && status.collection !== this.status.collection) location.assign("/"); // other photos, same address
    const watched = this.job;
    const now = watched && status.jobs.find((job) => job.id === watched.id);
    if (now && !isRunning(now)) this.finished = now;
    this.status = status;
    if (this.job) this.finished = null;
    if (this.gone) this.returns += 1;
    this.gone = false;
    this.#failures = 0;
  }

  #pause(): number {
    if (this.#failures > 0) return BACK_OFF_MS[Math.min(this.#failures, BACK_OFF_MS.length) - 1] ?? CALM_MS;
    return this.job && !document.hidden ? BUSY_MS : CALM_MS;
  }
}

export const server = new Server();
