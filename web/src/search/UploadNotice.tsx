/** A photo on its way to the server, or why it did not get there. */
import { CloseIcon } from "../icons";
import { useChanges } from "../observable";
import { uploading } from "./upload";

export function UploadNotice() {
  const { state } = useChanges(uploading);
  return (
    <div class="notice-place" role={state.kind === "failed" ? "alert" : "status"}>
      {state.kind === "sending" && (
        <div class="notice">
          <img class="notice-photo" src={state.preview} alt="" onError={(event) => event.currentTarget.remove()} />
          <div class="notice-text">
            <p>{state.share < 1 ? "Sending your photo" : "Looking at your photo"}</p>
            <progress max={1} value={state.share < 1 ? state.share : undefined} aria-label="Sent" />
          </div>
          <button type="button" class="icon-button small" onClick={() => uploading.putAway()} aria-label="Stop sending">
            <CloseIcon />
          </button>
        </div>
      )}
      {state.kind === "failed" && (
        <div class="notice failed">
          <p class="notice-text">{state.message}</p>
          <button type="button" class="icon-button small" onClick={() => uploading.putAway()} aria-label="Put away">
            <CloseIcon />
          </button>
        </div>
      )}
    </div>
  );
}
