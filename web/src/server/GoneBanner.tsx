/** The server does not answer: say so, and that the page will go on by itself. */
import { useChanges } from "../observable";
import { server } from "./server";

export function GoneBanner() {
  useChanges(server);
  return (
    <div role="alert">
      {server.gone && (
        <div class="banner">
          <p>
            <strong>The server is not answering.</strong> This page goes on by itself as soon as it is back.
          </p>
          <button type="button" class="button" onClick={() => void server.ask()}>
            Try now
          </button>
        </div>
      )}
    </div>
  );
}
