/** Searching with a photo from outside: sending it, its progress, and what went wrong. */
import { postUpload, ServerGoneError } from "../api";
import { navigation } from "../navigation";
import { Observable } from "../observable";

export type UploadState =
  | { kind: "none" }
  | { kind: "sending"; name: string; preview: string; share: number }
  | { kind: "failed"; message: string };

function reasonOf(error: unknown): string {
  if (error instanceof ServerGoneError)
    return "The server is not answering, so the photo was not sent. Try again soon.";
  return error instanceof Error ? error.message : String(error);
}

class Uploading extends Observable {
  state: UploadState = { kind: "none" };
  #stop = new AbortController();

  /** Send a photo and go to the photos similar to it. */
  async search(photo: File): Promise<void> {
    this.#stop.abort();
    const stop = new AbortController();
    this.#stop = stop;
    const preview = URL.createObjectURL(photo);
    const set = (state: UploadState) => {
      if (stop.signal.aborted) return;
      this.state = state;
      this.changed();
    };
    set({ kind: "sending", name: photo.name, preview, share: 0 });
    try {
      const send = (share: number) => set({ kind: "sending", name: photo.name, preview, share });
      const { id } = await postUpload(photo, send, stop.signal);
      set({ kind: "none" });
      if (!stop.signal.aborted) navigation.go({ subject: { kind: "upload", upload: id }, photo: null });
    } catch (error) {
      set({ kind: "failed", message: reasonOf(error) });
    }
    URL.revokeObjectURL(preview);
  }

  fail(message: string): void {
    this.state = { kind: "failed", message };
    this.changed();
  }

  /** Stop sending, or put the message away. */
  putAway(): void {
    this.#stop.abort();
    this.state = { kind: "none" };
    this.changed();
  }
}

export const uploading = new Uploading();
